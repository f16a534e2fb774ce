(** Stages, masks and the output: at every point, the scan's step back is the transposed derivative of its step. *)

From Coq Require Import Reals List Lra FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions Calculus Bptt Products.
Import ListNotations.
Open Scope R_scope.
Unset Asymmetric Patterns.

Lemma add_stages a w1 w2 p1 p2 x1 x2 s c P X : a = w2 + (p2 + (x2 + c)) -> c = w1 + (p1 + (x1 + s)) ->
  P = p2 + p1 -> X = x2 + x1 -> a = w1 + w2 + (P + (X + s)).
Proof. lra. Qed.

Section Scan.
Variables D H B : Finite.

Definition Point {O S S'} (c : Stages O S S') : Space :=
  Pair (AllWeights D H c) (Pair (Own H O) (Pair (Input D B) (Planes H B S))).

Theorem stages_transposed {O S S'} (c : Stages O S S') : all_proven c -> forall w p x s,
  all_smooth D H B c w p x s ->
  transposed (fun v : Point c => forward D H B c (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v))))
    (w, (p, (x, s))) (back D H B c w p x s).
Proof.
  induction c as [S S' stage | S S' S'' stage rest IH]; intros Hp w p x s Hs.
  - exact (stage_transposed D H B stage w p x s Hp Hs).
  - destruct Hp as [Hp1 Hp2], Hs as [Hs1 Hs2]. destruct w as [w1 w2]. simpl in Hs1, Hs2, w1, w2.
    destruct (stage_transposed D H B stage w1 p x s Hp1 Hs1) as (D1 & F1 & A1).
    destruct (IH Hp2 w2 p x _ Hs2) as (D2 & F2 & A2). clear IH.
    pose (V := Pair (Pair (Weights D H stage) (AllWeights D H rest)) (Pair (Own H O) (Pair (Input D B) (Planes H B S)))).
    pose (here := ((w1, w2), (p, (x, s))) : V).
    pose (to1 := fun v : V => (fst (fst v), snd v) : Everything D H B stage).
    assert (T1 : filterdiff to1 (locally here) to1).
    { apply (diff_pair (V := Weights D H stage) (W := Pair (Own H O) (Pair (Input D B) (Planes H B S))) here).
      - exact (diff_fst (V := Weights D H stage) here _ _ (filterdiff_linear _ is_linear_fst)).
      - exact (filterdiff_linear _ is_linear_snd). }
    pose proof (filterdiff_comp' to1 _ here to1 D1 T1 F1) as G1.
    pose (to2 := fun v : V => (snd (fst v), (fst (snd v), (fst (snd (snd v)),
      stage_forward D H B stage (fst (fst v)) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))))) : Point rest).
    pose (to2_d := fun d : V => (snd (fst d), (fst (snd d), (fst (snd (snd d)), D1 (to1 d)))) : Point rest).
    assert (T2 : filterdiff to2 (locally here) to2_d).
    { apply (diff_pair (V := AllWeights D H rest) (W := Pair (Own H O) (Pair (Input D B) (Planes H B S'))) here).
      - exact (diff_snd (W := AllWeights D H rest) here _ _ (filterdiff_linear _ is_linear_fst)).
      - apply (diff_pair (V := Own H O) (W := Pair (Input D B) (Planes H B S')) here).
        + exact (diff_fst (V := Own H O) here _ _ (filterdiff_linear _ is_linear_snd)).
        + apply (diff_pair (V := Input D B) (W := Planes H B S') here); [| exact G1].
          exact (diff_fst (V := Input D B) here _ _ (diff_snd (W := Pair (Input D B) (Planes H B S)) here _ _
            (filterdiff_linear _ is_linear_snd))). }
    exists (fun d => D2 (to2_d d)). split.
    + exact (filterdiff_comp' to2 _ here to2_d D2 T2 F2).
    + intros ds'' d.
      pose (later := back D H B rest w2 p x (stage_forward D H B stage w1 p x s) ds'').
      pose (first := stage_backward D H B stage w1 p x s (snd (snd (snd later)))).
      exact (add_stages _ _ _ _ _ _ _ _ _ _ _ (A2 ds'' (to2_d d)) (A1 (snd (snd (snd later))) (to1 d))
        (dot_plus (Own H O) (fst (snd later)) (fst (snd first)) (fst (snd d)))
        (dot_plus (Input D B) (fst (snd (snd later))) (fst (snd (snd first))) (fst (snd (snd d))))).
Qed.

(** ** Masks *)

Lemma select_diff {U : NormedModule R_AbsRing} {S} (mask : Mask H B S) (u : U) (f g lf lg : U -> Planes H B S) :
  filterdiff f (locally u) lf -> filterdiff g (locally u) lg ->
  filterdiff (fun v => select H B mask (f v) (g v)) (locally u) (fun d => select H B mask (lf d) (lg d)).
Proof.
  intros Hf Hg. apply (filterdiff_array S (Matrix H B)). intro k. apply (filterdiff_array H (Array B Reals)). intro j.
  apply (filterdiff_array B Reals). intro e. unfold select. destruct (mask k j e).
  - exact (diff_at (V := Reals) u B _ _ e (diff_at (V := Array B Reals) u H _ _ j
      (diff_at (V := Matrix H B) u S _ _ k Hf))).
  - exact (diff_at (V := Reals) u B _ _ e (diff_at (V := Array B Reals) u H _ _ j
      (diff_at (V := Matrix H B) u S _ _ k Hg))).
Qed.

Lemma select_dot {S} (mask : Mask H B S) (d v w : Planes H B S) :
  dot d (select H B mask v w) = dot (select H B mask d zero) v + dot (select H B mask zero d) w.
Proof.
  unfold Planes, Matrix in *. rewrite !dot_3. rewrite <- Sum_plus. apply Sum_ext. intro k.
  rewrite <- sum2_plus. apply Sum_ext. intro j. apply Sum_ext. intro e. unfold select.
  change (@zero (Array S (Array H (Array B Reals))) k j e) with 0. destruct (mask k j e); ring.
Qed.

Lemma only_dot {S : Finite} (k : S) (v : Matrix H B) (w : Planes H B S) : dot (only H B k v) w = dot v (w k).
Proof.
  transitivity (Σ i : S, if same S i k then dot v (w i) else 0).
  - apply Sum_ext. intro i. unfold only. destruct (same S i k); [reflexivity |]. apply (dot_zero_l (V := Matrix H B)).
  - apply (Sum_only S k (fun i => dot v (w i))).
Qed.

Theorem scan_right (c : Cell) : all_proven (stages c) -> forall mask p x s,
  scan_smooth D H B c mask p x s -> right_at (scan D H B c) mask p x s.
Proof.
  intros Hp mask p x s Hs. destruct p as [w p].
  destruct (stages_transposed (stages c) Hp w p x s Hs) as (D1 & F1 & A1).
  pose (V := Pair (Parameters D H c) (Pair (Input D B) (Planes H B (states c)))).
  pose (here := ((w, p), (x, s)) : V).
  pose (to1 := fun v : V => (fst (fst v), (snd (fst v), snd v)) : Point (stages c)).
  assert (T1 : filterdiff to1 (locally here) to1).
  { apply (diff_pair (V := AllWeights D H (stages c))
      (W := Pair (Own H (own c)) (Pair (Input D B) (Planes H B (states c)))) here).
    - exact (diff_fst (V := AllWeights D H (stages c)) (W := Own H (own c)) here _ _ (filterdiff_linear _ is_linear_fst)).
    - apply (diff_pair (V := Own H (own c)) (W := Pair (Input D B) (Planes H B (states c))) here).
      + exact (diff_snd (V := AllWeights D H (stages c)) (W := Own H (own c)) here _ _
          (filterdiff_linear _ is_linear_fst)).
      + exact (filterdiff_linear _ is_linear_snd). }
  pose proof (filterdiff_comp' to1 _ here to1 D1 T1 F1) as G1.
  assert (Gs : filterdiff (fun v : V => snd (snd v)) (locally here) (fun v : V => snd (snd v))).
  { exact (diff_snd (V := Input D B) (W := Planes H B (states c)) here _ _ (filterdiff_linear _ is_linear_snd)). }
  pose proof (select_diff mask here _ _ _ _ G1 Gs) as G2.
  pose (change_of := fun d : V => select H B mask (D1 (to1 d)) (snd (snd d))).
  exists (fun d => (change_of d (output c), change_of d)). split.
  - apply (diff_pair (V := Matrix H B) (W := Planes H B (states c)) here); [| exact G2].
    exact (diff_at (V := Matrix H B) here (states c) _ _ (output c) G2).
  - intros [dy ds] d.
    pose (ds' := plus ds (only H B (output c) dy)).
    pose (b := back D H B (stages c) w p x s (select H B mask ds' zero)).
    pose proof (A1 (select H B mask ds' zero) (to1 d)) as E1.
    pose proof (select_dot mask ds' (D1 (to1 d)) (snd (snd d))) as E2.
    pose proof (dot_plus (Planes H B (states c)) (snd (snd (snd b))) (select H B mask zero ds') (snd (snd d))) as E5.
    transitivity (dot ds' (change_of d)).
    + unfold ds'. rewrite (dot_plus (Planes H B (states c))), only_dot. apply Rplus_comm.
    + unfold change_of. rewrite E2, E1.
      transitivity (dot (fst b) (fst (fst d)) + dot (fst (snd b)) (snd (fst d)) +
        (dot (fst (snd (snd b))) (fst (snd d)) + dot (plus (snd (snd (snd b))) (select H B mask zero ds')) (snd (snd d)))).
      * assert (E6 : dot (back D H B (stages c) w p x s (select H B mask ds' zero) : Point (stages c)) (to1 d) =
          dot (fst b) (fst (fst d)) + (dot (fst (snd b)) (snd (fst d)) + (dot (fst (snd (snd b))) (fst (snd d)) +
          dot (snd (snd (snd b))) (snd (snd d))))) by reflexivity.
        rewrite E5, E6. ring.
      * reflexivity.
Qed.
End Scan.
