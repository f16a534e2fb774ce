(** How one unit of a cell is proven: the step is differentiated rule by rule, and what [unit_back] returns is compared
    with it by the arithmetic of rings and fields, each value of tanh, sigmoid, exp, sqrt and positive
    taken for a number. *)

From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions Calculus Products.
Open Scope R_scope.

Section Leaves.
Context {A U S O : Finite} (here : Unit A U S O).

Lemma leaf_a g : filterdiff (fun v : Unit A U S O => fst v g : R) (locally here) (fun d => fst d g : R).
Proof. exact (diff_at (V := Reals) here A _ _ g (filterdiff_linear _ is_linear_fst)). Qed.

Lemma leaf_u g : filterdiff (fun v : Unit A U S O => fst (snd v) g : R) (locally here) (fun d => fst (snd d) g : R).
Proof.
  exact (diff_at (V := Reals) here U _ _ g (diff_fst (V := Array U Reals) (W := Pair (Array S Reals) (Array O Reals))
    here _ _ (filterdiff_linear _ is_linear_snd))).
Qed.

Lemma leaf_s g : filterdiff (fun v : Unit A U S O => fst (snd (snd v)) g : R) (locally here)
  (fun d => fst (snd (snd d)) g : R).
Proof.
  exact (diff_at (V := Reals) here S _ _ g (diff_fst (V := Array S Reals) (W := Array O Reals) here _ _
    (diff_snd (V := Array U Reals) (W := Pair (Array S Reals) (Array O Reals)) here _ _
      (filterdiff_linear _ is_linear_snd)))).
Qed.

Lemma leaf_p g : filterdiff (fun v : Unit A U S O => snd (snd (snd v)) g : R) (locally here)
  (fun d => snd (snd (snd d)) g : R).
Proof.
  exact (diff_at (V := Reals) here O _ _ g (diff_snd (V := Array S Reals) (W := Array O Reals) here _ _
    (diff_snd (V := Array U Reals) (W := Pair (Array S Reals) (Array O Reals)) here _ _
      (filterdiff_linear _ is_linear_snd)))).
Qed.
End Leaves.

(** What a function asks of its argument, that it is not 0, or over 0, is among what is known. *)

Ltac not_zero := cbn [fst snd]; repeat match goal with H : _ /\ _ |- _ => destruct H end; assumption.

(** Each value of a function of one number becomes a number, of which its range is known. *)

Ltac numbers := repeat match goal with
  | |- context [tanh ?x] => generalize (tanh x); intro
  | |- context [sigmoid ?x] => generalize (sigmoid_between x); generalize (sigmoid x); intros ? ?
  | |- context [exp ?x] => generalize (exp_pos x); generalize (exp x); intros ? ?
  | |- context [positive ?x] => generalize (positive x); intro
  | |- context [sqrt ?x] => generalize (root_of x); generalize (sqrt x); intros ? ?
  end.

(** What is divided by is not 0: that is known, or follows from the ranges. *)

Ltac divisor := first [not_zero | cbn [fst snd]; numbers; intros; nra].

(** The rules of differentiation, one for each operation of a cell. *)

Ltac differentiate :=
  lazymatch goal with
  | |- filterdiff (fun _ => ?k) _ _ => exact (diff_const _ k)
  | |- filterdiff (fun v => @?f v + @?g v) _ _ => eapply (diff_plus _ f g); [differentiate | differentiate]
  | |- filterdiff (fun v => @?f v - @?g v) _ _ => eapply (diff_minus _ f g); [differentiate | differentiate]
  | |- filterdiff (fun v => @?f v * @?g v) _ _ => eapply (diff_mult _ f g); [differentiate | differentiate]
  | |- filterdiff (fun v => @?f v / @?g v) _ _ =>
      eapply (diff_mult _ f (fun v => / g v));
      [differentiate | eapply (diff_of _ Rinv g); [apply derive_inverse; divisor | differentiate]]
  | |- filterdiff (fun v => tanh (@?f v)) _ _ => eapply (diff_of _ tanh f); [apply derive_tanh | differentiate]
  | |- filterdiff (fun v => sigmoid (@?f v)) _ _ => eapply (diff_of _ sigmoid f); [apply derive_sigmoid | differentiate]
  | |- filterdiff (fun v => exp (@?f v)) _ _ => eapply (diff_of _ exp f); [apply is_derive_exp | differentiate]
  | |- filterdiff (fun v => sqrt (@?f v)) _ _ =>
      eapply (diff_of _ sqrt f); [apply derive_sqrt; not_zero | differentiate]
  | |- filterdiff (fun v => positive (@?f v)) _ _ =>
      eapply (diff_of _ positive f); [apply derive_positive; not_zero | differentiate]
  | |- filterdiff (fun v => fst v ?g) _ _ => apply leaf_a
  | |- filterdiff (fun v => fst (snd v) ?g) _ _ => apply leaf_u
  | |- filterdiff (fun v => fst (snd (snd v)) ?g) _ _ => apply leaf_s
  | |- filterdiff (fun v => snd (snd (snd v)) ?g) _ _ => apply leaf_p
  end.

(** [differential_of l H here f step]: l is the differential of f, and H says so. *)

Ltac differential_of l H here f step :=
  let V := type of here in
  evar (l : V -> R);
  assert (H : filterdiff (f : V -> R) (locally here) l);
  [ cbn [step fst snd]; unfold l; differentiate | ].

(** The equation of numbers that is left to show for [unit_back]; that it holds; and both. *)

Ltac equation stage step back :=
  rewrite dot_1, unit_dot; unfold Sum;
  cbn [stage step back unit_step unit_back A U K fst snd];
  repeat match goal with
  | |- context [elements ?I] => progress (let l := eval hnf in (elements I) in change (elements I) with l)
  end;
  cbn [total fst snd];
  numbers; intros.

Ltac known := let E := fresh in intro E; match goal with H : _ <> 0 |- _ => apply H; rewrite <- E; ring end.

Ltac settle :=
  repeat match goal with H : 0 < ?x, G : 0 < ?x -> _ |- _ => specialize (G H) end;
  repeat match goal with H : _ /\ _ |- _ => destruct H end;
  first [ring | field; repeat split; first [known | nra]].

Ltac adjoint stage step back := equation stage step back; settle.
