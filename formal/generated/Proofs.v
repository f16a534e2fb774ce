(** Each cell's back is the transposed derivative of its step.

    Written by tools/coq.py from lstm_core/cells.py and variants.py, and compared with them by a test. Do not edit. *)

From Coq Require Import Reals List.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions Calculus Products Units Cells.
Import ListNotations.
Open Scope R_scope.

Module rnn_proofs.
  Import rnn.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End rnn_proofs.

Module rnn_relu_proofs.
  Import rnn_relu.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.
End rnn_relu_proofs.

Module peephole_proofs.
  Import peephole.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End peephole_proofs.

Module lstm_proofs.
  Import lstm.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End lstm_proofs.

Module gru_after_proofs.
  Import gru_after.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End gru_after_proofs.

Module gru_after_bare_proofs.
  Import gru_after_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End gru_after_bare_proofs.

Module gru_before_proofs.
  Import gru_before.

  Lemma stage1_proven : proven stage1.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage1, smooth1 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input1_s recurrent1_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_q) step1.
    differential_of l1 H1 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_z) step1.
    differential_of l2 H2 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_h_prev) step1.
    exists (fun d k => match k with | s1_q => l0 d | s1_z => l1 d | s1_h_prev => l2 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2] |].
    intros w d. subst l0. subst l1. subst l2. try unfold here. clear.
    adjoint stage1 step1 back1.
  Qed.

  Lemma stage2_proven : proven stage2.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage2, smooth2 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input2_s recurrent2_s handed1_s own_parameters).
    differential_of l0 H0 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step2.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage2 step2 back2.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact (conj stage1_proven stage2_proven). Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (conj (fun _ _ _ _ => I) (fun _ _ _ _ => I)). Qed.
End gru_before_proofs.

Module nig_proofs.
  Import nig.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End nig_proofs.

Module nig_bare_proofs.
  Import nig_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End nig_bare_proofs.

Module nfg_proofs.
  Import nfg.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End nfg_proofs.

Module nfg_bare_proofs.
  Import nfg_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End nfg_bare_proofs.

Module nog_proofs.
  Import nog.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End nog_proofs.

Module nog_bare_proofs.
  Import nog_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End nog_bare_proofs.

Module niaf_proofs.
  Import niaf.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End niaf_proofs.

Module niaf_bare_proofs.
  Import niaf_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End niaf_bare_proofs.

Module noaf_proofs.
  Import noaf.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End noaf_proofs.

Module noaf_bare_proofs.
  Import noaf_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End noaf_bare_proofs.

Module cifg_proofs.
  Import cifg.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End cifg_proofs.

Module cifg_bare_proofs.
  Import cifg_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End cifg_bare_proofs.

Module fgr_proofs.
  Import fgr.

  Lemma stage1_proven : proven stage1.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage1, smooth1 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input1_s recurrent1_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_i_prev) step1.
    differential_of l1 H1 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_o_prev) step1.
    differential_of l2 H2 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_f_prev) step1.
    differential_of l3 H3 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_c_prev) step1.
    differential_of l4 H4 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_i) step1.
    differential_of l5 H5 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_o) step1.
    differential_of l6 H6 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_f) step1.
    differential_of l7 H7 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_g) step1.
    exists (fun d k => match k with | s1_i_prev => l0 d | s1_o_prev => l1 d | s1_f_prev => l2 d
      | s1_c_prev => l3 d | s1_au_i => l4 d | s1_au_o => l5 d | s1_au_f => l6 d | s1_au_g => l7 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4 | exact H5 | exact H6 | exact H7] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. subst l5. subst l6. subst l7. try unfold here. clear.
    adjoint stage1 step1 back1.
  Qed.

  Lemma stage2_proven : proven stage2.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage2, smooth2 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input2_s recurrent2_s handed1_s own_parameters).
    differential_of l0 H0 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_o_prev) step2.
    differential_of l1 H1 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_f_prev) step2.
    differential_of l2 H2 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_c_prev) step2.
    differential_of l3 H3 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_i) step2.
    differential_of l4 H4 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_o) step2.
    differential_of l5 H5 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_f) step2.
    differential_of l6 H6 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_g) step2.
    exists (fun d k => match k with | s2_o_prev => l0 d | s2_f_prev => l1 d | s2_c_prev => l2 d | s2_au_i => l3 d
      | s2_au_o => l4 d | s2_au_f => l5 d | s2_au_g => l6 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4 | exact H5 | exact H6] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. subst l5. subst l6. try unfold here. clear.
    adjoint stage2 step2 back2.
  Qed.

  Lemma stage3_proven : proven stage3.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage3, smooth3 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input3_s recurrent3_s handed2_s own_parameters).
    differential_of l0 H0 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_f_prev) step3.
    differential_of l1 H1 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_c_prev) step3.
    differential_of l2 H2 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_i) step3.
    differential_of l3 H3 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_o) step3.
    differential_of l4 H4 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_f) step3.
    differential_of l5 H5 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_g) step3.
    exists (fun d k => match k with | s3_f_prev => l0 d | s3_c_prev => l1 d | s3_au_i => l2 d | s3_au_o => l3 d
      | s3_au_f => l4 d | s3_au_g => l5 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4 | exact H5] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. subst l5. try unfold here. clear.
    adjoint stage3 step3 back3.
  Qed.

  Lemma stage4_proven : proven stage4.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage4, smooth4 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input4_s recurrent4_s handed3_s own_parameters).
    differential_of l0 H0 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step4.
    differential_of l1 H1 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step4.
    differential_of l2 H2 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_i) step4.
    differential_of l3 H3 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_o) step4.
    differential_of l4 H4 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_f) step4.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d | s_i => l2 d | s_o => l3 d | s_f => l4 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. try unfold here. clear.
    adjoint stage4 step4 back4.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact (conj stage1_proven (conj stage2_proven (conj stage3_proven stage4_proven))). Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (conj (fun _ _ _ _ => I) (conj (fun _ _ _ _ => I) (conj (fun _ _ _ _ => I) (fun _ _ _ _ => I)))). Qed.
End fgr_proofs.

Module fgr_bare_proofs.
  Import fgr_bare.

  Lemma stage1_proven : proven stage1.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage1, smooth1 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input1_s recurrent1_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_i_prev) step1.
    differential_of l1 H1 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_o_prev) step1.
    differential_of l2 H2 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_f_prev) step1.
    differential_of l3 H3 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_c_prev) step1.
    differential_of l4 H4 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_i) step1.
    differential_of l5 H5 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_o) step1.
    differential_of l6 H6 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_f) step1.
    differential_of l7 H7 here (fun v : Unit input1_s recurrent1_s states own_parameters =>
      fst (step1 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s1_au_g) step1.
    exists (fun d k => match k with | s1_i_prev => l0 d | s1_o_prev => l1 d | s1_f_prev => l2 d
      | s1_c_prev => l3 d | s1_au_i => l4 d | s1_au_o => l5 d | s1_au_f => l6 d | s1_au_g => l7 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4 | exact H5 | exact H6 | exact H7] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. subst l5. subst l6. subst l7. try unfold here. clear.
    adjoint stage1 step1 back1.
  Qed.

  Lemma stage2_proven : proven stage2.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage2, smooth2 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input2_s recurrent2_s handed1_s own_parameters).
    differential_of l0 H0 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_o_prev) step2.
    differential_of l1 H1 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_f_prev) step2.
    differential_of l2 H2 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_c_prev) step2.
    differential_of l3 H3 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_i) step2.
    differential_of l4 H4 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_o) step2.
    differential_of l5 H5 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_f) step2.
    differential_of l6 H6 here (fun v : Unit input2_s recurrent2_s handed1_s own_parameters =>
      fst (step2 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s2_au_g) step2.
    exists (fun d k => match k with | s2_o_prev => l0 d | s2_f_prev => l1 d | s2_c_prev => l2 d | s2_au_i => l3 d
      | s2_au_o => l4 d | s2_au_f => l5 d | s2_au_g => l6 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4 | exact H5 | exact H6] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. subst l5. subst l6. try unfold here. clear.
    adjoint stage2 step2 back2.
  Qed.

  Lemma stage3_proven : proven stage3.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage3, smooth3 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input3_s recurrent3_s handed2_s own_parameters).
    differential_of l0 H0 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_f_prev) step3.
    differential_of l1 H1 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_c_prev) step3.
    differential_of l2 H2 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_i) step3.
    differential_of l3 H3 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_o) step3.
    differential_of l4 H4 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_f) step3.
    differential_of l5 H5 here (fun v : Unit input3_s recurrent3_s handed2_s own_parameters =>
      fst (step3 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s3_au_g) step3.
    exists (fun d k => match k with | s3_f_prev => l0 d | s3_c_prev => l1 d | s3_au_i => l2 d | s3_au_o => l3 d
      | s3_au_f => l4 d | s3_au_g => l5 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4 | exact H5] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. subst l5. try unfold here. clear.
    adjoint stage3 step3 back3.
  Qed.

  Lemma stage4_proven : proven stage4.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage4, smooth4 in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input4_s recurrent4_s handed3_s own_parameters).
    differential_of l0 H0 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step4.
    differential_of l1 H1 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step4.
    differential_of l2 H2 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_i) step4.
    differential_of l3 H3 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_o) step4.
    differential_of l4 H4 here (fun v : Unit input4_s recurrent4_s handed3_s own_parameters =>
      fst (step4 (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_f) step4.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d | s_i => l2 d | s_o => l3 d | s_f => l4 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3 | exact H4] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. subst l4. try unfold here. clear.
    adjoint stage4 step4 back4.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact (conj stage1_proven (conj stage2_proven (conj stage3_proven stage4_proven))). Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (conj (fun _ _ _ _ => I) (conj (fun _ _ _ _ => I) (conj (fun _ _ _ _ => I) (fun _ _ _ _ => I)))). Qed.
End fgr_bare_proofs.

Module nas_proofs.
  Import nas.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.
End nas_proofs.

Module mingru_proofs.
  Import mingru.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End mingru_proofs.

Module minlstm_proofs.
  Import minlstm.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End minlstm_proofs.

Module qrnn_proofs.
  Import qrnn.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End qrnn_proofs.

Module diagonal_proofs.
  Import diagonal.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End diagonal_proofs.

Module diagonal_signed_proofs.
  Import diagonal_signed.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End diagonal_signed_proofs.

Module rglru_proofs.
  Import rglru.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. revert Hsmooth. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.
End rglru_proofs.

Module rglru_bare_proofs.
  Import rglru_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    exists (fun d k => match k with | s_h => l0 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0] |].
    intros w d. subst l0. try unfold here. revert Hsmooth. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.
End rglru_bare_proofs.

Module lru_proofs.
  Import lru.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End lru_proofs.

Module lru_bare_proofs.
  Import lru_bare.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1] |].
    intros w d. subst l0. subst l1. try unfold here. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.

  Lemma cell_smooth : smooth_everywhere (stages cell).
  Proof. exact (fun _ _ _ _ => I). Qed.
End lru_bare_proofs.

Module slstm_proofs.
  Import slstm.

  Lemma stage_proven : proven stage.
  Proof.
    intros a u s p Hsmooth. unfold Definitions.smooth, stage, smooth in Hsmooth.
    cbv beta iota zeta in Hsmooth.
    pose (here := (a, (u, (s, p))) : Unit input_s recurrent_s states own_parameters).
    differential_of l0 H0 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_h) step.
    differential_of l1 H1 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_c) step.
    differential_of l2 H2 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_n) step.
    differential_of l3 H3 here (fun v : Unit input_s recurrent_s states own_parameters =>
      fst (step (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) s_m) step.
    exists (fun d k => match k with | s_h => l0 d | s_c => l1 d | s_n => l2 d | s_m => l3 d end).
    split; [apply (filterdiff_array _ Reals); intro k; destruct k;
      [exact H0 | exact H1 | exact H2 | exact H3] |].
    intros w d. subst l0. subst l1. subst l2. subst l3. try unfold here. revert Hsmooth. clear.
    adjoint stage step back.
  Qed.

  Lemma cell_proven : all_proven (stages cell).
  Proof. exact  stage_proven. Qed.
End slstm_proofs.
