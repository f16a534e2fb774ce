(** Backpropagation through time, cell by cell, for every T, D, H and B.

    Written by tools/coq.py from lstm_core/cells.py and variants.py, and compared with them by a test. Do not edit. *)

From Coq Require Import Reals List.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions Statements Cells Theorems Proofs.
Import ListNotations.
Open Scope R_scope.

Theorem bptt_rnn : bptt rnn.cell.
Proof. exact (smooth_cell_in_the_scan _ rnn_proofs.cell_proven rnn_proofs.cell_smooth). Qed.

Theorem bptt_rnn_relu : bptt_away_from_kinks rnn_relu.cell.
Proof. exact (cell_in_the_scan _ rnn_relu_proofs.cell_proven). Qed.

Theorem bptt_peephole : bptt peephole.cell.
Proof. exact (smooth_cell_in_the_scan _ peephole_proofs.cell_proven peephole_proofs.cell_smooth). Qed.

Theorem bptt_lstm : bptt lstm.cell.
Proof. exact (smooth_cell_in_the_scan _ lstm_proofs.cell_proven lstm_proofs.cell_smooth). Qed.

Theorem bptt_gru_after : bptt gru_after.cell.
Proof. exact (smooth_cell_in_the_scan _ gru_after_proofs.cell_proven gru_after_proofs.cell_smooth). Qed.

Theorem bptt_gru_after_bare : bptt gru_after_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ gru_after_bare_proofs.cell_proven gru_after_bare_proofs.cell_smooth). Qed.

Theorem bptt_gru_before : bptt gru_before.cell.
Proof. exact (smooth_cell_in_the_scan _ gru_before_proofs.cell_proven gru_before_proofs.cell_smooth). Qed.

Theorem bptt_nig : bptt nig.cell.
Proof. exact (smooth_cell_in_the_scan _ nig_proofs.cell_proven nig_proofs.cell_smooth). Qed.

Theorem bptt_nig_bare : bptt nig_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ nig_bare_proofs.cell_proven nig_bare_proofs.cell_smooth). Qed.

Theorem bptt_nfg : bptt nfg.cell.
Proof. exact (smooth_cell_in_the_scan _ nfg_proofs.cell_proven nfg_proofs.cell_smooth). Qed.

Theorem bptt_nfg_bare : bptt nfg_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ nfg_bare_proofs.cell_proven nfg_bare_proofs.cell_smooth). Qed.

Theorem bptt_nog : bptt nog.cell.
Proof. exact (smooth_cell_in_the_scan _ nog_proofs.cell_proven nog_proofs.cell_smooth). Qed.

Theorem bptt_nog_bare : bptt nog_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ nog_bare_proofs.cell_proven nog_bare_proofs.cell_smooth). Qed.

Theorem bptt_niaf : bptt niaf.cell.
Proof. exact (smooth_cell_in_the_scan _ niaf_proofs.cell_proven niaf_proofs.cell_smooth). Qed.

Theorem bptt_niaf_bare : bptt niaf_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ niaf_bare_proofs.cell_proven niaf_bare_proofs.cell_smooth). Qed.

Theorem bptt_noaf : bptt noaf.cell.
Proof. exact (smooth_cell_in_the_scan _ noaf_proofs.cell_proven noaf_proofs.cell_smooth). Qed.

Theorem bptt_noaf_bare : bptt noaf_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ noaf_bare_proofs.cell_proven noaf_bare_proofs.cell_smooth). Qed.

Theorem bptt_cifg : bptt cifg.cell.
Proof. exact (smooth_cell_in_the_scan _ cifg_proofs.cell_proven cifg_proofs.cell_smooth). Qed.

Theorem bptt_cifg_bare : bptt cifg_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ cifg_bare_proofs.cell_proven cifg_bare_proofs.cell_smooth). Qed.

Theorem bptt_fgr : bptt fgr.cell.
Proof. exact (smooth_cell_in_the_scan _ fgr_proofs.cell_proven fgr_proofs.cell_smooth). Qed.

Theorem bptt_fgr_bare : bptt fgr_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ fgr_bare_proofs.cell_proven fgr_bare_proofs.cell_smooth). Qed.

Theorem bptt_nas : bptt_away_from_kinks nas.cell.
Proof. exact (cell_in_the_scan _ nas_proofs.cell_proven). Qed.

Theorem bptt_mingru : bptt mingru.cell.
Proof. exact (smooth_cell_in_the_scan _ mingru_proofs.cell_proven mingru_proofs.cell_smooth). Qed.

Theorem bptt_minlstm : bptt minlstm.cell.
Proof. exact (smooth_cell_in_the_scan _ minlstm_proofs.cell_proven minlstm_proofs.cell_smooth). Qed.

Theorem bptt_qrnn : bptt qrnn.cell.
Proof. exact (smooth_cell_in_the_scan _ qrnn_proofs.cell_proven qrnn_proofs.cell_smooth). Qed.

Theorem bptt_diagonal : bptt diagonal.cell.
Proof. exact (smooth_cell_in_the_scan _ diagonal_proofs.cell_proven diagonal_proofs.cell_smooth). Qed.

Theorem bptt_diagonal_signed : bptt diagonal_signed.cell.
Proof. exact (smooth_cell_in_the_scan _ diagonal_signed_proofs.cell_proven diagonal_signed_proofs.cell_smooth). Qed.

Theorem bptt_rglru : bptt_away_from_kinks rglru.cell.
Proof. exact (cell_in_the_scan _ rglru_proofs.cell_proven). Qed.

Theorem bptt_rglru_bare : bptt_away_from_kinks rglru_bare.cell.
Proof. exact (cell_in_the_scan _ rglru_bare_proofs.cell_proven). Qed.

Theorem bptt_lru : bptt lru.cell.
Proof. exact (smooth_cell_in_the_scan _ lru_proofs.cell_proven lru_proofs.cell_smooth). Qed.

Theorem bptt_lru_bare : bptt lru_bare.cell.
Proof. exact (smooth_cell_in_the_scan _ lru_bare_proofs.cell_proven lru_bare_proofs.cell_smooth). Qed.

Theorem bptt_slstm : bptt_away_from_kinks slstm.cell.
Proof. exact (cell_in_the_scan _ slstm_proofs.cell_proven). Qed.
