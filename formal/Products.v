(** The matrix products of the scan, for every T, D, H and B: a proven cell, carried by the scan, is a machine whose way
    back is right at every point. *)

From Coq Require Import Reals List Lra FunctionalExtensionality Setoid Morphisms.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions Calculus.
Import ListNotations.
Open Scope R_scope.
Unset Asymmetric Patterns.

Global Instance Sum_proper (I : Finite) : Proper (pointwise_relation I eq ==> eq) (Sum I).
Proof. intros f g H. apply Sum_ext, H. Qed.

(** ** One function among several: the differential is known from the way back. *)

Section Elements.
Context {V : Space} {I : Finite} (f : V -> Array I Reals) (v : V) (b : Array I Reals -> V).
Hypothesis H : transposed f v b.

Definition one (i : I) : Array I Reals := fun k => if same I k i then 1 else 0.

Lemma transposed_element i :
  filterdiff (fun v => f v i : Reals) (locally v) (fun d => dot (b (one i)) d : Reals).
Proof.
  destruct H as (D & Hf & Hb). eapply filterdiff_ext_lin; [exact (diff_at v I f D i Hf) |].
  intro d. rewrite <- Hb. simpl. unfold one. symmetry. rewrite <- (Sum_only I i (fun k => D d k)).
  apply Sum_ext. intro k. destruct (same I k i); ring.
Qed.

Lemma transposed_elements w d : Σ i : I, w i * dot (b (one i)) d = dot (b w) d.
Proof.
  destruct H as (D & Hf & Hb). rewrite <- Hb. simpl. apply Sum_ext. intro i. f_equal.
  rewrite <- Hb. simpl. unfold one. rewrite <- (Sum_only I i (fun k => D d k)).
  apply Sum_ext. intro k. destruct (same I k i); ring.
Qed.
End Elements.

(** ** Products, transposed: the same terms, added up in another order *)

Section Products.
Variables G H I B : Finite.

Lemma product_left (a : G -> H -> B -> R) (m : G -> H -> I -> R) (x : I -> B -> R) :
  Σ j : H, Σ e : B, Σ g : G, a g j e * (Σ i : I, m g j i * x i e) =
  Σ g : G, Σ j : H, Σ i : I, (Σ e : B, a g j e * x i e) * m g j i.
Proof.
  setoid_rewrite <- Sum_scal. setoid_rewrite <- Sum_scal_r.
  rewrite (Sum_swap G H). apply Sum_ext. intro j.
  rewrite (Sum_swap B G). apply Sum_ext. intro g.
  rewrite (Sum_swap B I). apply Sum_ext. intro i. apply Sum_ext. intro e. ring.
Qed.

Lemma product_right (a : G -> H -> B -> R) (m : G -> H -> I -> R) (x : I -> B -> R) :
  Σ j : H, Σ e : B, Σ g : G, a g j e * (Σ i : I, m g j i * x i e) =
  Σ i : I, Σ e : B, (Σ g : G, Σ j : H, m g j i * a g j e) * x i e.
Proof.
  setoid_rewrite <- Sum_scal. setoid_rewrite <- Sum_scal_r. setoid_rewrite <- Sum_scal_r.
  rewrite (Sum_swap I B). rewrite (Sum_swap H B). apply Sum_ext. intro e.
  rewrite (Sum_swap H G). rewrite (Sum_swap I G). apply Sum_ext. intro g.
  rewrite (Sum_swap I H). apply Sum_ext. intro j. apply Sum_ext. intro i. ring.
Qed.

Lemma product_bias (a : G -> H -> B -> R) (m : G -> H -> R) :
  Σ j : H, Σ e : B, Σ g : G, a g j e * m g j = Σ g : G, Σ j : H, (Σ e : B, a g j e) * m g j.
Proof.
  setoid_rewrite <- Sum_scal_r. rewrite (Sum_swap G H). apply Sum_ext. intro j. apply Sum_swap.
Qed.
End Products.

Lemma pair_dot (V W : Space) (v w : Pair V W) : dot v w = dot (fst v) (fst w) + dot (snd v) (snd w).
Proof. reflexivity. Qed.

Lemma dot_1 (I : Finite) (v w : Array I Reals) : dot v w = Σ i : I, v i * w i.
Proof. reflexivity. Qed.

Lemma dot_2 (I J : Finite) (v w : Array I (Array J Reals)) : dot v w = Σ i : I, Σ j : J, v i j * w i j.
Proof. reflexivity. Qed.

Lemma dot_3 (I J K : Finite) (v w : Array I (Array J (Array K Reals))) :
  dot v w = Σ i : I, Σ j : J, Σ k : K, v i j k * w i j k.
Proof. reflexivity. Qed.

Lemma unit_dot (A U S O : Finite) (v w : Unit A U S O) : dot v w =
  Σ g : A, fst v g * fst w g + (Σ g : U, fst (snd v) g * fst (snd w) g +
  (Σ k : S, fst (snd (snd v)) k * fst (snd (snd w)) k + Σ o : O, snd (snd (snd v)) o * snd (snd (snd w)) o)).
Proof. unfold Unit in *. rewrite !pair_dot, !dot_1. reflexivity. Qed.

Lemma planes_inside (S H B : Finite) (f : S -> H -> B -> R) :
  Σ k : S, Σ j : H, Σ e : B, f k j e = Σ j : H, Σ e : B, Σ k : S, f k j e.
Proof. rewrite (Sum_swap S H). apply Sum_ext. intro j. apply Sum_swap. Qed.

Lemma sum2_plus (H B : Finite) (f g : H -> B -> R) :
  Σ j : H, Σ e : B, (f j e + g j e) = Σ j : H, Σ e : B, f j e + Σ j : H, Σ e : B, g j e.
Proof. rewrite <- Sum_plus. apply Sum_ext. intro j. apply Sum_plus. Qed.

Section Scan.
Variables D H B : Finite.
Notation Matrix' := (Matrix H B).

Section OneStage.
Context {O S S' : Finite} (stage : Stage O S S').
Variables (w : Weights D H stage) (p : Own H O) (x : Input D B) (s : Planes H B S).

Definition Everything : Space := Pair (Weights D H stage) (Pair (Own H O) (Pair (Input D B) (Planes H B S))).

Lemma everything_dot (v d : Everything) : dot v d =
  Σ g : (A stage), Σ j : H, Σ i : D, fst (fst v) g j i * fst (fst d) g j i +
  (Σ g : (U stage), Σ j : H, Σ i : H, fst (snd (fst v)) g j i * fst (snd (fst d)) g j i +
   Σ g : (A stage), Σ j : H, snd (snd (fst v)) g j * snd (snd (fst d)) g j) +
  (Σ o : O, Σ j : H, fst (snd v) o j * fst (snd d) o j +
  (Σ i : D, Σ e : B, fst (snd (snd v)) i e * fst (snd (snd d)) i e +
   Σ k : S, Σ j : H, Σ e : B, snd (snd (snd v)) k j e * snd (snd (snd d)) k j e)).
Proof.
  unfold Everything, Weights, Own, Input, Planes, Matrix in *. rewrite !pair_dot, !dot_3, !dot_2. reflexivity.
Qed.

(** What reaches unit j of example e, and how it changes. *)

Definition gather (v : Everything) (j : H) (e : B) : Unit (A stage) (U stage) S O :=
  let w := fst v in let p := fst (snd v) in let x := fst (snd (snd v)) in let s := snd (snd (snd v)) in
  (fun g => scan_a D H B stage w x g j e, (fun g => scan_u D H B stage w (s (reads stage)) g j e,
  (fun k => s k j e, fun o => p o j))).

Definition gather_d (d : Everything) (j : H) (e : B) : Unit (A stage) (U stage) S O :=
  let dw := fst d in let dp := fst (snd d) in let dx := fst (snd (snd d)) in let ds := snd (snd (snd d)) in
  (fun g => (Σ i : D, (W D H stage dw g j i * x i e + W D H stage w g j i * dx i e)) + b D H stage dw g j,
  (fun g => Σ i : H, (R_ D H stage dw g j i * s (reads stage) i e + R_ D H stage w g j i * ds (reads stage) i e),
  (fun k => ds k j e, fun o => dp o j))).

Let here : Everything := (w, (p, (x, s))).

Lemma gather_diff j e : filterdiff (fun v => gather v j e) (locally here) (fun d => gather_d d j e).
Proof.
  assert (PW : filterdiff (fun v : Everything => fst (fst v)) (locally here) (fun v => fst (fst v))).
  { exact (diff_fst (V := Array (A stage) (Matrix H D)) here _ _ (filterdiff_linear _ is_linear_fst)). }
  assert (PR : filterdiff (fun v : Everything => fst (snd (fst v))) (locally here) (fun v => fst (snd (fst v)))).
  { exact (diff_fst (V := Array (U stage) (Matrix H H)) here _ _
      (diff_snd (W := Pair (Array (U stage) (Matrix H H)) (Array (A stage) (Array H Reals))) here _ _
      (filterdiff_linear _ is_linear_fst))). }
  assert (Pb : filterdiff (fun v : Everything => snd (snd (fst v))) (locally here) (fun v => snd (snd (fst v)))).
  { exact (diff_snd (W := Array (A stage) (Array H Reals)) here _ _
      (diff_snd (W := Pair (Array (U stage) (Matrix H H)) (Array (A stage) (Array H Reals))) here _ _
      (filterdiff_linear _ is_linear_fst))). }
  assert (Pp : filterdiff (fun v : Everything => fst (snd v)) (locally here) (fun v => fst (snd v))).
  { exact (diff_fst (V := Own H O) here _ _ (filterdiff_linear _ is_linear_snd)). }
  assert (Px : filterdiff (fun v : Everything => fst (snd (snd v))) (locally here) (fun v => fst (snd (snd v)))).
  { exact (diff_fst (V := Input D B) here _ _ (diff_snd (W := Pair (Input D B) (Planes H B S)) here _ _
      (filterdiff_linear _ is_linear_snd))). }
  assert (Ps : filterdiff (fun v : Everything => snd (snd (snd v))) (locally here) (fun v => snd (snd (snd v)))).
  { exact (diff_snd (W := Planes H B S) here _ _ (diff_snd (W := Pair (Input D B) (Planes H B S)) here _ _
      (filterdiff_linear _ is_linear_snd))). }
  assert (EW : forall g j i, filterdiff (fun v : Everything => fst (fst v) g j i : Reals) (locally here)
    (fun v => fst (fst v) g j i : Reals)).
  { intros g k i. exact (diff_at (V := Reals) here D _ _ i (diff_at (V := Array D Reals) here H _ _ k
      (diff_at (V := Matrix H D) here (A stage) _ _ g PW))). }
  assert (ER : forall g j i, filterdiff (fun v : Everything => fst (snd (fst v)) g j i : Reals) (locally here)
    (fun v => fst (snd (fst v)) g j i : Reals)).
  { intros g k i. exact (diff_at (V := Reals) here H _ _ i (diff_at (V := Array H Reals) here H _ _ k
      (diff_at (V := Matrix H H) here (U stage) _ _ g PR))). }
  assert (Eb : forall g j, filterdiff (fun v : Everything => snd (snd (fst v)) g j : Reals) (locally here)
    (fun v => snd (snd (fst v)) g j : Reals)).
  { intros g k. exact (diff_at (V := Reals) here H _ _ k (diff_at (V := Array H Reals) here (A stage) _ _ g Pb)). }
  assert (Ep : forall o j, filterdiff (fun v : Everything => fst (snd v) o j : Reals) (locally here)
    (fun v => fst (snd v) o j : Reals)).
  { intros o k. exact (diff_at (V := Reals) here H _ _ k (diff_at (V := Array H Reals) here O _ _ o Pp)). }
  assert (Ex : forall i e, filterdiff (fun v : Everything => fst (snd (snd v)) i e : Reals) (locally here)
    (fun v => fst (snd (snd v)) i e : Reals)).
  { intros i k. exact (diff_at (V := Reals) here B _ _ k (diff_at (V := Array B Reals) here D _ _ i Px)). }
  assert (Es : forall k j e, filterdiff (fun v : Everything => snd (snd (snd v)) k j e : Reals) (locally here)
    (fun v => snd (snd (snd v)) k j e : Reals)).
  { intros k i l. exact (diff_at (V := Reals) here B _ _ l (diff_at (V := Array B Reals) here H _ _ i
      (diff_at (V := Matrix H B) here S _ _ k Ps))). }
  clear PW PR Pb Pp Px Ps. unfold gather, gather_d. cbv zeta.
  apply (diff_pair (V := Array (A stage) Reals) (W := Pair (Array (U stage) Reals) (Pair (Array S Reals) (Array O Reals)))
    here).
  - apply (filterdiff_array (A stage) Reals). intro g.
    pose proof (diff_Sum here D _ _ (fun i => diff_mult here _ _ _ _ (EW g j i) (Ex i e))) as E1.
    pose proof (diff_plus here _ _ _ _ E1 (Eb g j)) as E2. exact E2.
  - apply (diff_pair (V := Array (U stage) Reals) (W := Pair (Array S Reals) (Array O Reals)) here).
    + apply (filterdiff_array (U stage) Reals). intro g.
      pose proof (diff_Sum here H _ _ (fun i => diff_mult here _ _ _ _ (ER g j i) (Es (reads stage) i e))) as E1.
      exact E1.
    + apply (diff_pair (V := Array S Reals) (W := Array O Reals) here).
      * apply (filterdiff_array S Reals). intro k. apply Es.
      * apply (filterdiff_array O Reals). intro o. apply Ep.
Qed.

Hypothesis Hproven : proven stage.
Hypothesis Hsmooth : stage_smooth D H B stage w p x s.

(** [unit_back] at unit j of example e. *)
Definition back_at (j : H) (e : B) (ds' : Array S' Reals) : Unit (A stage) (U stage) S O :=
  unit_back stage ds' (snd (at_unit D H B stage w p x s j e)) (fun o => p o j).

Lemma back_at_transposed j e : transposed (W := Array S' Reals)
  (fun v : Unit (A stage) (U stage) S O =>
    fst (unit_step stage (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))))
  (gather here j e) (back_at j e).
Proof. exact (Hproven _ _ _ _ (Hsmooth j e)). Qed.

Definition stage_d (d : Everything) : Planes H B S' :=
  fun k j e => dot (back_at j e (one k)) (gather_d d j e).

Lemma stage_diff : filterdiff
  (fun v : Everything => stage_forward D H B stage (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v))))
  (locally here) stage_d.
Proof.
  apply (filterdiff_array S' (Matrix H B)). intro k. apply (filterdiff_array H (Array B Reals)). intro j.
  apply (filterdiff_array B Reals). intro e.
  exact (filterdiff_comp' (fun v => gather v j e) _ here _ _ (gather_diff j e)
    (transposed_element _ _ _ (back_at_transposed j e) k)).
Qed.

Lemma stage_adjoint ds' d : dot ds' (stage_d d) = dot (stage_backward D H B stage w p x s ds') d.
Proof.
  transitivity (Σ j : H, Σ e : B, dot (back_at j e (fun k => ds' k j e)) (gather_d d j e)).
  { unfold stage_d. change (Σ k : S', Σ j : H, Σ e : B, ds' k j e * dot (back_at j e (one k)) (gather_d d j e) =
      Σ j : H, Σ e : B, dot (back_at j e (fun k => ds' k j e)) (gather_d d j e)).
    rewrite planes_inside. apply Sum_ext. intro j. apply Sum_ext. intro e.
    exact (transposed_elements _ _ _ (back_at_transposed j e) (fun k => ds' k j e) (gather_d d j e)). }
  pose (da := fun g j e => fst (back_at j e (fun k => ds' k j e)) g).
  pose (du := fun g j e => fst (snd (back_at j e (fun k => ds' k j e))) g).
  pose (ds := fun k j e => fst (snd (snd (back_at j e (fun k => ds' k j e)))) k).
  pose (dp := fun o j e => snd (snd (snd (back_at j e (fun k => ds' k j e)))) o).
  destruct d as [[eW [eR eb]] [ep [ex es]]].
  set (q := s (reads stage)). set (eq := es (reads stage)).
  set (W0 := W D H stage w). set (R0 := R_ D H stage w).
  transitivity (Σ j : H, Σ e : B,
    (Σ g : (A stage), da g j e * (Σ i : D, (eW g j i * x i e + W0 g j i * ex i e) + eb g j) +
    (Σ g : (U stage), du g j e * (Σ i : H, (eR g j i * q i e + R0 g j i * eq i e)) +
    (Σ k : S, ds k j e * es k j e + Σ o : O, dp o j e * ep o j)))).
  { apply Sum_ext. intro j. apply Sum_ext. intro e. apply unit_dot. }
  transitivity (Σ j : H, Σ e : B,
    (Σ g : (A stage), da g j e * (Σ i : D, eW g j i * x i e) +
     Σ g : (A stage), da g j e * (Σ i : D, W0 g j i * ex i e) +
     Σ g : (A stage), da g j e * eb g j +
     Σ g : (U stage), du g j e * (Σ i : H, eR g j i * q i e) +
     Σ g : (U stage), du g j e * (Σ i : H, R0 g j i * eq i e) +
     Σ k : S, ds k j e * es k j e + Σ o : O, dp o j e * ep o j)).
  { apply Sum_ext. intro j. apply Sum_ext. intro e.
    assert (E1 : Σ g : (A stage), da g j e * (Σ i : D, (eW g j i * x i e + W0 g j i * ex i e) + eb g j) =
      Σ g : (A stage), da g j e * (Σ i : D, eW g j i * x i e) + Σ g : (A stage), da g j e * (Σ i : D, W0 g j i * ex i e) +
      Σ g : (A stage), da g j e * eb g j).
    { rewrite <- !Sum_plus. apply Sum_ext. intro g. rewrite Sum_plus. ring. }
    assert (E2 : Σ g : (U stage), du g j e * (Σ i : H, (eR g j i * q i e + R0 g j i * eq i e)) =
      Σ g : (U stage), du g j e * (Σ i : H, eR g j i * q i e) + Σ g : (U stage), du g j e * (Σ i : H, R0 g j i * eq i e)).
    { rewrite <- !Sum_plus. apply Sum_ext. intro g. rewrite Sum_plus. ring. }
    rewrite E1, E2. ring. }
  rewrite !sum2_plus. rewrite (product_left (A stage) H D B da eW x), (product_right (A stage) H D B da W0 ex),
    (product_bias (A stage) H B da eb), (product_left (U stage) H H B du eR q), (product_right (U stage) H H B du R0 eq),
    <- (planes_inside S H B (fun k j e => ds k j e * es k j e)), (product_bias O H B dp ep).
  assert (E : Σ k : S, Σ j : H, Σ e : B,
      (ds k j e + if same S k (reads stage) then Σ g : (U stage), Σ i : H, R0 g i j * du g i e else 0) * es k j e =
    Σ k : S, Σ j : H, Σ e : B, ds k j e * es k j e +
    Σ j : H, Σ e : B, (Σ g : (U stage), Σ i : H, R0 g i j * du g i e) * eq j e).
  { unfold eq. rewrite <- (Sum_only S (reads stage) (fun k =>
      Σ j : H, Σ e : B, (Σ g : (U stage), Σ i : H, R0 g i j * du g i e) * es k j e)).
    rewrite <- Sum_plus. apply Sum_ext. intro k. destruct (same S k (reads stage)) as [_ | _].
    - rewrite <- sum2_plus. apply Sum_ext. intro j. apply Sum_ext. intro e. ring.
    - rewrite Rplus_0_r. apply Sum_ext. intro j. apply Sum_ext. intro e. ring. }
  rewrite everything_dot.
  match goal with |- _ = ?r => transitivity (
    Σ g : (A stage), Σ j : H, Σ i : D, (Σ e : B, da g j e * x i e) * eW g j i +
    (Σ g : (U stage), Σ j : H, Σ i : H, (Σ e : B, du g j e * q i e) * eR g j i +
     Σ g : (A stage), Σ j : H, (Σ e : B, da g j e) * eb g j) +
    (Σ o : O, Σ j : H, (Σ e : B, dp o j e) * ep o j +
    (Σ i : D, Σ e : B, (Σ g : (A stage), Σ j : H, W0 g j i * da g j e) * ex i e +
     Σ k : S, Σ j : H, Σ e : B,
      (ds k j e + if same S k (reads stage) then Σ g : (U stage), Σ i : H, R0 g i j * du g i e else 0) * es k j e)))
  end; [rewrite E; ring | exact eq_refl].
Qed.

Theorem stage_transposed : transposed
  (fun v : Everything => stage_forward D H B stage (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v))))
  (w, (p, (x, s))) (stage_backward D H B stage w p x s).
Proof. exists stage_d. split; [exact stage_diff | exact stage_adjoint]. Qed.
End OneStage.
End Scan.
