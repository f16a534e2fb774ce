(** The statements of [Statements], proven. *)

From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions Statements Calculus Bptt ScanRight.
Import ListNotations.
Open Scope R_scope.
Unset Asymmetric Patterns.

Theorem backpropagation_through_time : scan_theorem.
Proof. intros M P X S Y f ms p xs s V L d. exact (scan_gradient f ms p xs s V L d). Qed.

Theorem shared_weights : weights_shared_over_time.
Proof.
  intros M P X S Y f ms p xs s. split; [apply shared_run |]. intro d. apply (proj1 (shared_backward f ms p xs s d)).
Qed.

Theorem pieces : pieces_equal_the_whole.
Proof. intros M P X S Y f ms ns p xs ys s dus dvs dlast. exact (backward_in_pieces f ms ns p xs ys s dus dvs dlast). Qed.

Theorem truncation : what_truncation_drops.
Proof.
  intros M P X S Y f ms ns p xs ys s dus dvs dlast V.
  exact (truncation_remainder f ms ns p xs ys s dus dvs dlast V).
Qed.

Theorem each_derivative : gradient_gives_each_derivative.
Proof.
  intros V L v g H d.
  pose (line := fun t : R_NormedModule => scal (t : R_AbsRing) d : V).
  assert (H1 : filterdiff (fun _ : R_NormedModule => v : V) (locally 0) (fun _ => zero)) by apply filterdiff_const.
  assert (H2 : filterdiff line (locally 0) line) by (apply filterdiff_linear; exact (is_linear_scal_l d)).
  pose proof (filterdiff_plus_fct _ _ _ _ H1 H2) as H3.
  assert (E : plus v (line 0) = v).
  { unfold line. pose proof (scal_zero_l d) as Z. simpl in Z. unfold zero at 1 in Z. simpl in Z. rewrite Z. apply plus_zero_r. }
  assert (H' : filterdiff (L : V -> Reals) (locally (plus v (line 0))) (fun e => dot g e)) by (rewrite E; exact H).
  refine (filterdiff_ext_lin _ _ _ (filterdiff_comp' _ _ _ _ _ H3 H') _).
  intro t. unfold line. rewrite plus_zero_l, (dot_comm V), (dot_scal V), (dot_comm V). reflexivity.
Qed.

Theorem unique_gradient : gradient_is_unique.
Proof.
  intros V L v g g' H H'. apply dot_unique. intro d.
  rewrite <- (is_derive_unique _ _ _ (each_derivative V L v g H d)).
  exact (is_derive_unique _ _ _ (each_derivative V L v g' H' d)).
Qed.

Theorem cell_in_the_scan : proven_cell_in_the_scan.
Proof.
  intros c Hc D H B masks P xs s V L d HL.
  apply backpropagation_through_time; [| exact HL]. clear L d HL.
  revert P xs s V. induction masks as [| mask rest IH]; intros P xs s V; [exact I |].
  destruct V as [V1 V2]. split; [exact (scan_right D H B c Hc _ _ _ _ V1) | exact (IH _ _ _ V2)].
Qed.

Lemma smooth_stages {O S S'} (c : Stages O S S') D H B : smooth_everywhere c -> forall w p x s,
  all_smooth D H B c w p x s.
Proof.
  induction c as [S S' stage | S S' S'' stage rest IH]; intros Hc w p x s.
  - intros j e. apply Hc.
  - destruct Hc as [H1 H2]. split; [intros j e; apply H1 | apply IH, H2].
Qed.

Theorem smooth_cell_in_the_scan : proven_smooth_cell_in_the_scan.
Proof.
  intros c Hc Hs D H B masks P xs s. apply (cell_in_the_scan c Hc).
  revert P xs s. induction masks as [| mask rest IH]; intros P xs s; [exact I |].
  split; [apply smooth_stages, Hs | apply IH].
Qed.
