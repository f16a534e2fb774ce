(** Backpropagation through time, for any machine: the recursion back is the transposed derivative of the run. *)

From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions Calculus.
Import ListNotations.
Open Scope R_scope.

Lemma add_up a1 a2 a3 c x1 x2 x3 y1 y2 z : a1 + c = x1 + (x2 + x3) -> a2 + a3 = y1 + (y2 + c) -> z = y1 + x1 ->
  a1 + a2 + a3 = z + (x2 + y2 + x3).
Proof. lra. Qed.

Section Any.
Context {M : Type} {P X S Y : Space} (f : Machine M P X S Y).

Theorem run_transposed ms : forall p xs s, visited f (right_at f) ms p xs s ->
  transposed (fun v : Pair P (Pair (Each ms X) S) => run f ms (fst v) (fst (snd v)) (snd (snd v)))
    (p, (xs, s)) (backward f ms p xs s).
Proof.
  induction ms as [| m rest IH]; intros p xs s.
  - intros _. exists (fun d => (zero, snd (snd d))). split.
    + apply diff_pair; [apply filterdiff_const |]. component.
    + intros [dy ds] [ep [exs es]]. simpl. rewrite (dot_zero_l (V := P)). unfold Sum. simpl. ring.
  - destruct xs as [x xs]. intros [(D1 & H1 & B1) V]. simpl in H1, B1, V.
    destruct (IH _ _ _ V) as (D2 & H2 & B2). clear IH V.
    set (step_of := fun v : Pair P (Pair (Pair X (Each rest X)) S) => step f m (fst v) (fst (fst (snd v))) (snd (snd v))).
    set (rest_of := fun v : Pair P (Pair (Pair X (Each rest X)) S) =>
      run f rest (fst v) (snd (fst (snd v))) (snd (step_of v))).
    set (E1 := fun d : Pair P (Pair (Pair X (Each rest X)) S) => D1 (fst d, (fst (fst (snd d)), snd (snd d)))).
    set (E2 := fun d : Pair P (Pair (Pair X (Each rest X)) S) => D2 (fst d, (snd (fst (snd d)), snd (E1 d)))).
    set (here := (p, ((x, xs), s)) : Pair P (Pair (Pair X (Each rest X)) S)).
    assert (F1 : filterdiff step_of (locally here) E1).
    { pose (pick := fun v : Pair P (Pair (Pair X (Each rest X)) S) =>
        (fst v, (fst (fst (snd v)), snd (snd v))) : Pair P (Pair X S)).
      assert (HP : filterdiff pick (locally here) pick).
      { apply (diff_pair (V := P) (W := Pair X S) here); [component |].
        apply (diff_pair (V := X) (W := S) here); component. }
      exact (filterdiff_comp' pick _ here pick D1 HP H1). }
    assert (F2 : filterdiff rest_of (locally here) E2).
    { pose (pick := fun v : Pair P (Pair (Pair X (Each rest X)) S) =>
        (fst v, (snd (fst (snd v)), snd (step_of v))) : Pair P (Pair (Each rest X) S)).
      pose (dpick := fun v : Pair P (Pair (Pair X (Each rest X)) S) =>
        (fst v, (snd (fst (snd v)), snd (E1 v))) : Pair P (Pair (Each rest X) S)).
      assert (HP : filterdiff pick (locally here) dpick).
      { apply (diff_pair (V := P) (W := Pair (Each rest X) S) here); [component |].
        apply (diff_pair (V := Each rest X) (W := S) here); [component |].
        exact (diff_snd (V := Y) (W := S) here step_of E1 F1). }
      exact (filterdiff_comp' pick _ here dpick D2 HP H2). }
    exists (fun d => ((fst (E1 d), fst (E2 d)), snd (E2 d))). split.
    + apply (filterdiff_ext (fun v => ((fst (step_of v), fst (rest_of v)), snd (rest_of v)))).
      * intros [p' [[x' xs'] s']]. unfold rest_of, step_of. simpl.
        reflexivity.
      * apply (diff_pair (V := Pair Y (Each rest Y)) (W := S) here).
        -- apply (diff_pair (V := Y) (W := Each rest Y) here).
           ++ exact (diff_fst (V := Y) (W := S) here step_of E1 F1).
           ++ exact (diff_fst (V := Each rest Y) (W := S) here rest_of E2 F2).
        -- exact (diff_snd (V := Each rest Y) (W := S) here rest_of E2 F2).
    + intros [[dy dys] dl] [ep [[ex exs] es]]. unfold E2, E1.
      pose proof (B2 (dys, dl) (ep, (exs, snd (D1 (ep, (ex, es)))))) as A2.
      pose proof (B1 (dy, snd (snd (backward f rest p xs (snd (step f m p x s)) (dys, dl)))) (ep, (ex, es))) as A1.
      pose proof (dot_plus P (fst (backward f rest p xs (snd (step f m p x s)) (dys, dl)))
        (fst (step_back f m p x s (dy, snd (snd (backward f rest p xs (snd (step f m p x s)) (dys, dl)))))) ep) as A3.
      exact (add_up _ _ _ _ _ _ _ _ _ _ A1 A2 A3).
Qed.

Theorem scan_gradient ms p xs s : visited f (right_at f) ms p xs s ->
  forall (L : Pair (Each ms Y) S -> R) d, gradient L (run f ms p xs s) d ->
  gradient (fun v : Pair P (Pair (Each ms X) S) => L (run f ms (fst v) (fst (snd v)) (snd (snd v))))
    (p, (xs, s)) (backward f ms p xs s d).
Proof.
  intros V L d HL.
  exact (gradient_comp (fun v : Pair P (Pair (Each ms X) S) => run f ms (fst v) (fst (snd v)) (snd (snd v)))
    L (p, (xs, s)) _ d (run_transposed ms p xs s V) HL).
Qed.

(** ** Weights shared over time *)

Theorem shared_run ms : forall p xs s, run (unshared f) ms zero (copies ms p xs) s = run f ms p xs s.
Proof.
  induction ms as [| m rest IH]; intros p xs s; [reflexivity |]. simpl. rewrite IH. reflexivity.
Qed.

Theorem shared_backward ms : forall p xs s d,
  fst (backward f ms p xs s d) = sum_of_copies ms (fst (snd (backward (unshared f) ms zero (copies ms p xs) s d))) /\
  snd (snd (backward f ms p xs s d)) = snd (snd (backward (unshared f) ms zero (copies ms p xs) s d)).
Proof.
  induction ms as [| m rest IH]; intros p xs s d; [split; reflexivity |]. simpl.
  destruct (IH p (snd xs) (snd (step f m p (fst xs) s)) (snd (fst d), snd d)) as [E1 E2].
  split.
  - exact (f_equal2 (fun a b => plus a (fst (step_back f m p (fst xs) s (fst (fst d), b)))) E1 E2).
  - exact (f_equal (fun b => snd (snd (step_back f m p (fst xs) s (fst (fst d), b)))) E2).
Qed.

(** ** A sequence in two pieces *)

Theorem run_in_pieces ms ns : forall p xs ys s,
  run f (ms ++ ns) p (followed ms ns xs ys) s =
    let first := run f ms p xs s in
    let second := run f ns p ys (snd first) in
    (followed ms ns (fst first) (fst second), snd second).
Proof.
  induction ms as [| m rest IH]; intros p xs ys s; simpl; [apply surjective_pairing |]. now rewrite IH.
Qed.

Theorem backward_in_pieces ms ns : forall p xs ys s dus dvs dlast,
  backward f (ms ++ ns) p (followed ms ns xs ys) s (followed ms ns dus dvs, dlast) =
    let second := backward f ns p ys (snd (run f ms p xs s)) (dvs, dlast) in
    let first := backward f ms p xs s (dus, snd (snd second)) in
    (plus (fst second) (fst first), (followed ms ns (fst (snd first)) (fst (snd second)), snd (snd first))).
Proof.
  induction ms as [| m rest IH]; intros p xs ys s dus dvs dlast; simpl.
  - rewrite plus_zero_r. rewrite <- !surjective_pairing. reflexivity.
  - rewrite IH. simpl. rewrite <- plus_assoc. reflexivity.
Qed.

(** What truncation drops: hand nothing on at the cut, and what is missing is exactly what the first piece makes of the
    derivative with respect to the state at the cut, with no loss of its own. *)

Theorem truncation_remainder ms ns p xs ys s dus dvs dlast : visited f (right_at f) ms p xs s ->
  let second := backward f ns p ys (snd (run f ms p xs s)) (dvs, dlast) in
  let truncated := backward f ms p xs s (dus, zero) in
  let dropped := backward f ms p xs s (zero, snd (snd second)) in
  backward f (ms ++ ns) p (followed ms ns xs ys) s (followed ms ns dus dvs, dlast) =
    (plus (fst second) (plus (fst truncated) (fst dropped)),
     (followed ms ns (plus (fst (snd truncated)) (fst (snd dropped))) (fst (snd second)),
      plus (snd (snd truncated)) (snd (snd dropped)))).
Proof.
  intros V. cbv zeta. rewrite backward_in_pieces. cbv zeta.
  set (ds' := snd (snd (backward f ns p ys (snd (run f ms p xs s)) (dvs, dlast)))).
  assert (E : backward f ms p xs s (dus, ds') =
    plus (backward f ms p xs s (dus, zero)) (backward f ms p xs s (zero, ds'))).
  { rewrite <- (transposed_plus _ _ _ (run_transposed ms p xs s V)). f_equal.
    change (plus (dus, zero) (zero, ds') : Pair (Each ms Y) S) with ((plus dus zero, plus zero ds') : Pair (Each ms Y) S).
    rewrite plus_zero_r, plus_zero_l. reflexivity. }
  rewrite E. reflexivity.
Qed.
End Any.
