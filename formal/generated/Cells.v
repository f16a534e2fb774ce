(** What each cell computes: its step and its back for one unit of one example.

    Written by tools/coq.py from lstm_core/cells.py and variants.py, and compared with them by a test. Do not edit. *)

From Coq Require Import Reals List.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions.
Import ListNotations.
Open Scope R_scope.

Module rnn.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_h.
  Definition input_s : Finite := enumeration input_ [a_h].
  Inductive recurrent_ := u_h.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_h].
  Inductive keep_ := k_h.
  Definition keep_s : Finite := enumeration keep_ [k_h].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let au := a a_h + u u_h in
    let h := tanh au in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_h => h end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dh_bar := ds s_h * (1 - kept k_h * kept k_h) in
    (fun which => match which with | a_h => dh_bar end,
     (fun which => match which with | u_h => dh_bar end,
      (fun which => match which with | s_h => 0 end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End rnn.

Module rnn_relu.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_h.
  Definition input_s : Finite := enumeration input_ [a_h].
  Inductive recurrent_ := u_h.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_h].
  Inductive keep_ := k_k.
  Definition keep_s : Finite := enumeration keep_ [k_k].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let h_bar := a a_h + u u_h in
    let k := positive h_bar in
    let h := k * h_bar in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_k => k end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dh_bar := ds s_h * kept k_k in
    (fun which => match which with | a_h => dh_bar end,
     (fun which => match which with | u_h => dh_bar end,
      (fun which => match which with | s_h => 0 end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    let h_bar := a a_h + u u_h in
    let k := positive h_bar in
    let h := k * h_bar in
    h_bar <> 0.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End rnn_relu.

Module peephole.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_i | p_o | p_f.
  Definition own_parameters : Finite := enumeration own_parameter [p_i; p_o; p_f].
  Inductive input_ := a_i | a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_f; a_g].
  Inductive recurrent_ := u_i | u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_f; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let i := sigmoid (au_i + p p_i * c_prev) in
    let f := sigmoid (au_f + p p_f * c_prev) in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let o := sigmoid (au_o + p p_o * c) in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) + p p_o * do_bar in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f + p p_i * di_bar + p p_f * df_bar in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which => match which with | p_i => di_bar * kept k_c_prev | p_o => do_bar * kept k_c
         | p_f => df_bar * kept k_c_prev end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End peephole.

Module lstm.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_f; a_g].
  Inductive recurrent_ := u_i | u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_f; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let i := sigmoid au_i in
    let f := sigmoid au_f in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let o := sigmoid au_o in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End lstm.

Module gru_after.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := p_n.
  Definition own_parameters : Finite := enumeration own_parameter [p_n].
  Inductive input_ := a_z | a_r | a_n.
  Definition input_s : Finite := enumeration input_ [a_z; a_r; a_n].
  Inductive recurrent_ := u_z | u_r | u_n.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_z; u_r; u_n].
  Inductive keep_ := k_z | k_r | k_n | k_m | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_z; k_r; k_n; k_m; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let h_prev := s s_h in
    let z := sigmoid (a a_z + u u_z) in
    let r := sigmoid (a a_r + u u_r) in
    let m := u u_n + p p_n in
    let n := tanh (a a_n + r * m) in
    let h := (1 - z) * n + z * h_prev in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_z => z | k_r => r | k_n => n | k_m => m | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dz_bar := ds s_h * (kept k_h_prev - kept k_n) * kept k_z * (1 - kept k_z) in
    let dn_bar := ds s_h * (1 - kept k_z) * (1 - kept k_n * kept k_n) in
    let dr_bar := dn_bar * kept k_m * kept k_r * (1 - kept k_r) in
    let dm := dn_bar * kept k_r in
    let dh_prev := ds s_h * kept k_z in
    (fun which => match which with | a_z => dz_bar | a_r => dr_bar | a_n => dn_bar end,
     (fun which => match which with | u_z => dz_bar | u_r => dr_bar | u_n => dm end,
      (fun which => match which with | s_h => dh_prev end,
       fun which => match which with | p_n => dm end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End gru_after.

Module gru_after_bare.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_z | a_r | a_n.
  Definition input_s : Finite := enumeration input_ [a_z; a_r; a_n].
  Inductive recurrent_ := u_z | u_r | u_n.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_z; u_r; u_n].
  Inductive keep_ := k_z | k_r | k_n | k_m | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_z; k_r; k_n; k_m; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let m := u u_n in
    let h_prev := s s_h in
    let z := sigmoid (a a_z + u u_z) in
    let r := sigmoid (a a_r + u u_r) in
    let n := tanh (a a_n + r * m) in
    let h := (1 - z) * n + z * h_prev in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_z => z | k_r => r | k_n => n | k_m => m | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dz_bar := ds s_h * (kept k_h_prev - kept k_n) * kept k_z * (1 - kept k_z) in
    let dn_bar := ds s_h * (1 - kept k_z) * (1 - kept k_n * kept k_n) in
    let dr_bar := dn_bar * kept k_m * kept k_r * (1 - kept k_r) in
    let dm := dn_bar * kept k_r in
    let dh_prev := ds s_h * kept k_z in
    (fun which => match which with | a_z => dz_bar | a_r => dr_bar | a_n => dn_bar end,
     (fun which => match which with | u_z => dz_bar | u_r => dr_bar | u_n => dm end,
      (fun which => match which with | s_h => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End gru_after_bare.

Module gru_before.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive handed1_ := s1_q | s1_z | s1_h_prev.
  Definition handed1_s : Finite := enumeration handed1_ [s1_q; s1_z; s1_h_prev].
  Inductive input1_ := a1_z | a1_r.
  Definition input1_s : Finite := enumeration input1_ [a1_z; a1_r].
  Inductive recurrent1_ := u1_z | u1_r.
  Definition recurrent1_s : Finite := enumeration recurrent1_ [u1_z; u1_r].
  Inductive keep1_ := k1_z | k1_r | k1_h_prev.
  Definition keep1_s : Finite := enumeration keep1_ [k1_z; k1_r; k1_h_prev].

  Definition step1 (a : input1_ -> R) (u : recurrent1_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (handed1_ -> R) * (keep1_ -> R) :=
    let h_prev := s s_h in
    let au_z := a a1_z + u u1_z in
    let au_r := a a1_r + u u1_r in
    let z := sigmoid au_z in
    let r := sigmoid au_r in
    let q := r * h_prev in
    (fun which => match which with | s1_q => q | s1_z => z | s1_h_prev => h_prev end,
     fun which => match which with | k1_z => z | k1_r => r | k1_h_prev => h_prev end).

  Definition back1 (ds : handed1_ -> R) (kept : keep1_ -> R) (p : own_parameter -> R)
    : Unit input1_s recurrent1_s states own_parameters :=
    let dz_bar := ds s1_z * kept k1_z * (1 - kept k1_z) in
    let dr_bar := ds s1_q * kept k1_h_prev * kept k1_r * (1 - kept k1_r) in
    let dh_prev := ds s1_h_prev + ds s1_q * kept k1_r in
    (fun which => match which with | a1_z => dz_bar | a1_r => dr_bar end,
     (fun which => match which with | u1_z => dz_bar | u1_r => dr_bar end,
      (fun which => match which with | s_h => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth1 (a : input1_ -> R) (u : recurrent1_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage1 : Stage own_parameters states handed1_s :=
    MakeStage own_parameters states handed1_s input1_s recurrent1_s keep1_s s_h step1 back1 smooth1.

  Inductive input2_ := a2_n.
  Definition input2_s : Finite := enumeration input2_ [a2_n].
  Inductive recurrent2_ := u2_n.
  Definition recurrent2_s : Finite := enumeration recurrent2_ [u2_n].
  Inductive keep2_ := k2_z | k2_n | k2_h_prev.
  Definition keep2_s : Finite := enumeration keep2_ [k2_z; k2_n; k2_h_prev].

  Definition step2 (a : input2_ -> R) (u : recurrent2_ -> R) (s : handed1_ -> R) (p : own_parameter -> R)
    : (state -> R) * (keep2_ -> R) :=
    let au_n := a a2_n + u u2_n in
    let n := tanh au_n in
    let h := (1 - s s1_z) * n + s s1_z * s s1_h_prev in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k2_z => s s1_z | k2_n => n | k2_h_prev => s s1_h_prev end).

  Definition back2 (ds : state -> R) (kept : keep2_ -> R) (p : own_parameter -> R)
    : Unit input2_s recurrent2_s handed1_s own_parameters :=
    let dz := ds s_h * (kept k2_h_prev - kept k2_n) in
    let dn_bar := ds s_h * (1 - kept k2_z) * (1 - kept k2_n * kept k2_n) in
    let dh_prev := ds s_h * kept k2_z in
    (fun which => match which with | a2_n => dn_bar end,
     (fun which => match which with | u2_n => dn_bar end,
      (fun which => match which with | s1_q => 0 | s1_z => dz | s1_h_prev => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth2 (a : input2_ -> R) (u : recurrent2_ -> R) (s : handed1_ -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage2 : Stage own_parameters handed1_s states :=
    MakeStage own_parameters handed1_s states input2_s recurrent2_s keep2_s s1_q step2 back2 smooth2.

  Definition cell : Cell := MakeCell own_parameters states s_h (Then stage1 (Last stage2)).
End gru_before.

Module nig.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_o | p_f.
  Definition own_parameters : Finite := enumeration own_parameter [p_o; p_f].
  Inductive input_ := a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_o; a_f; a_g].
  Inductive recurrent_ := u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_o; u_f; u_g].
  Inductive keep_ := k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let f := sigmoid (au_f + p p_f * c_prev) in
    let g := tanh au_g in
    let c := f * c_prev + g in
    let o := sigmoid (au_o + p p_o * c) in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) + p p_o * do_bar in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f + p p_f * df_bar in
    (fun which => match which with | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which => match which with | p_o => do_bar * kept k_c | p_f => df_bar * kept k_c_prev end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End nig.

Module nig_bare.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_o; a_f; a_g].
  Inductive recurrent_ := u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_o; u_f; u_g].
  Inductive keep_ := k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let f := sigmoid au_f in
    let g := tanh au_g in
    let c := f * c_prev + g in
    let o := sigmoid au_o in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f in
    (fun which => match which with | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End nig_bare.

Module nfg.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_i | p_o.
  Definition own_parameters : Finite := enumeration own_parameter [p_i; p_o].
  Inductive input_ := a_i | a_o | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_g].
  Inductive recurrent_ := u_i | u_o | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_g].
  Inductive keep_ := k_i | k_o | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_g := a a_g + u u_g in
    let i := sigmoid (au_i + p p_i * c_prev) in
    let g := tanh au_g in
    let c := c_prev + i * g in
    let o := sigmoid (au_o + p p_o * c) in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) + p p_o * do_bar in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc + p p_i * di_bar in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which => match which with | p_i => di_bar * kept k_c_prev | p_o => do_bar * kept k_c end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End nfg.

Module nfg_bare.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_o | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_g].
  Inductive recurrent_ := u_i | u_o | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_g].
  Inductive keep_ := k_i | k_o | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_g := a a_g + u u_g in
    let i := sigmoid au_i in
    let g := tanh au_g in
    let c := c_prev + i * g in
    let o := sigmoid au_o in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc_prev := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) in
    let di_bar := dc_prev * kept k_g * kept k_i * (1 - kept k_i) in
    let dg_bar := dc_prev * kept k_i * (1 - kept k_g * kept k_g) in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End nfg_bare.

Module nog.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_i | p_f.
  Definition own_parameters : Finite := enumeration own_parameter [p_i; p_f].
  Inductive input_ := a_i | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_f; a_g].
  Inductive recurrent_ := u_i | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_f; u_g].
  Inductive keep_ := k_i | k_f | k_g | k_c_prev | k_h.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_f; k_g; k_c_prev; k_h].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let i := sigmoid (au_i + p p_i * c_prev) in
    let f := sigmoid (au_f + p p_f * c_prev) in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let h := tanh c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_f => f | k_g => g | k_c_prev => c_prev | k_h => h end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dc := ds s_c + ds s_h * (1 - kept k_h * kept k_h) in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f + p p_i * di_bar + p p_f * df_bar in
    (fun which => match which with | a_i => di_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which => match which with | p_i => di_bar * kept k_c_prev | p_f => df_bar * kept k_c_prev end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End nog.

Module nog_bare.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_f; a_g].
  Inductive recurrent_ := u_i | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_f; u_g].
  Inductive keep_ := k_i | k_f | k_g | k_c_prev | k_h.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_f; k_g; k_c_prev; k_h].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let i := sigmoid au_i in
    let f := sigmoid au_f in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let h := tanh c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_f => f | k_g => g | k_c_prev => c_prev | k_h => h end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dc := ds s_c + ds s_h * (1 - kept k_h * kept k_h) in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f in
    (fun which => match which with | a_i => di_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End nog_bare.

Module niaf.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_i | p_o | p_f.
  Definition own_parameters : Finite := enumeration own_parameter [p_i; p_o; p_f].
  Inductive input_ := a_i | a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_f; a_g].
  Inductive recurrent_ := u_i | u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_f; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let g := a a_g + u u_g in
    let i := sigmoid (au_i + p p_i * c_prev) in
    let f := sigmoid (au_f + p p_f * c_prev) in
    let c := f * c_prev + i * g in
    let o := sigmoid (au_o + p p_o * c) in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) + p p_o * do_bar in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i in
    let dc_prev := dc * kept k_f + p p_i * di_bar + p p_f * df_bar in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which => match which with | p_i => di_bar * kept k_c_prev | p_o => do_bar * kept k_c
         | p_f => df_bar * kept k_c_prev end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End niaf.

Module niaf_bare.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_f; a_g].
  Inductive recurrent_ := u_i | u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_f; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let g := a a_g + u u_g in
    let i := sigmoid au_i in
    let f := sigmoid au_f in
    let c := f * c_prev + i * g in
    let o := sigmoid au_o in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i in
    let dc_prev := dc * kept k_f in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End niaf_bare.

Module noaf.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_i | p_o | p_f.
  Definition own_parameters : Finite := enumeration own_parameter [p_i; p_o; p_f].
  Inductive input_ := a_i | a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_f; a_g].
  Inductive recurrent_ := u_i | u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_f; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let i := sigmoid (au_i + p p_i * c_prev) in
    let f := sigmoid (au_f + p p_f * c_prev) in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let o := sigmoid (au_o + p p_o * c) in
    let h := o * c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o + p p_o * do_bar in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f + p p_i * di_bar + p p_f * df_bar in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which => match which with | p_i => di_bar * kept k_c_prev | p_o => do_bar * kept k_c
         | p_f => df_bar * kept k_c_prev end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End noaf.

Module noaf_bare.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_f; a_g].
  Inductive recurrent_ := u_i | u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_f; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_f := a a_f + u u_f in
    let au_g := a a_g + u u_g in
    let i := sigmoid au_i in
    let f := sigmoid au_f in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let o := sigmoid au_o in
    let h := o * c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o in
    let di_bar := dc * kept k_g * kept k_i * (1 - kept k_i) in
    let df_bar := dc * kept k_c_prev * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End noaf_bare.

Module cifg.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_i | p_o.
  Definition own_parameters : Finite := enumeration own_parameter [p_i; p_o].
  Inductive input_ := a_i | a_o | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_g].
  Inductive recurrent_ := u_i | u_o | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_g := a a_g + u u_g in
    let i := sigmoid (au_i + p p_i * c_prev) in
    let f := 1 - i in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let o := sigmoid (au_o + p p_o * c) in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) + p p_o * do_bar in
    let di_bar := dc * (kept k_g - kept k_c_prev) * kept k_i * kept k_f in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f + p p_i * di_bar in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which => match which with | p_i => di_bar * kept k_c_prev | p_o => do_bar * kept k_c end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End cifg.

Module cifg_bare.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_o | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_g].
  Inductive recurrent_ := u_i | u_o | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_c_prev | k_c | k_tanh_c.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_c_prev; k_c; k_tanh_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let au_i := a a_i + u u_i in
    let au_o := a a_o + u u_o in
    let au_g := a a_g + u u_g in
    let i := sigmoid au_i in
    let f := 1 - i in
    let g := tanh au_g in
    let c := f * c_prev + i * g in
    let o := sigmoid au_o in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c
       | k_tanh_c => tanh_c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_tanh_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o * (1 - kept k_tanh_c * kept k_tanh_c) in
    let di_bar := dc * (kept k_g - kept k_c_prev) * kept k_i * kept k_f in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End cifg_bare.

Module fgr.
  Inductive state := s_h | s_c | s_i | s_o | s_f.
  Definition states : Finite := enumeration state [s_h; s_c; s_i; s_o; s_f].
  Inductive own_parameter := p_i | p_o | p_f.
  Definition own_parameters : Finite := enumeration own_parameter [p_i; p_o; p_f].
  Inductive handed1_ := s1_i_prev | s1_o_prev | s1_f_prev | s1_c_prev | s1_au_i | s1_au_o | s1_au_f | s1_au_g.
  Definition handed1_s : Finite := enumeration handed1_ [s1_i_prev; s1_o_prev; s1_f_prev; s1_c_prev; s1_au_i;
    s1_au_o; s1_au_f; s1_au_g].
  Inductive input1_ := a1_i | a1_o | a1_f | a1_g.
  Definition input1_s : Finite := enumeration input1_ [a1_i; a1_o; a1_f; a1_g].
  Inductive recurrent1_ := u1_i | u1_o | u1_f | u1_g.
  Definition recurrent1_s : Finite := enumeration recurrent1_ [u1_i; u1_o; u1_f; u1_g].
  Inductive keep1_ := .
  Definition keep1_s : Finite := enumeration keep1_ (@nil keep1_).

  Definition step1 (a : input1_ -> R) (u : recurrent1_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (handed1_ -> R) * (keep1_ -> R) :=
    let c_prev := s s_c in
    let i_prev := s s_i in
    let o_prev := s s_o in
    let f_prev := s s_f in
    let au_i := a a1_i + u u1_i in
    let au_o := a a1_o + u u1_o in
    let au_f := a a1_f + u u1_f in
    let au_g := a a1_g + u u1_g in
    (fun which => match which with | s1_i_prev => i_prev | s1_o_prev => o_prev | s1_f_prev => f_prev
      | s1_c_prev => c_prev | s1_au_i => au_i | s1_au_o => au_o | s1_au_f => au_f | s1_au_g => au_g end,
     fun which : keep1_ => match which with end).

  Definition back1 (ds : handed1_ -> R) (kept : keep1_ -> R) (p : own_parameter -> R)
    : Unit input1_s recurrent1_s states own_parameters :=
    (fun which => match which with | a1_i => ds s1_au_i | a1_o => ds s1_au_o | a1_f => ds s1_au_f
      | a1_g => ds s1_au_g end,
     (fun which => match which with | u1_i => ds s1_au_i | u1_o => ds s1_au_o | u1_f => ds s1_au_f
       | u1_g => ds s1_au_g end,
      (fun which => match which with | s_h => 0 | s_c => ds s1_c_prev | s_i => ds s1_i_prev | s_o => ds s1_o_prev
        | s_f => ds s1_f_prev end,
       fun which => match which with | p_i => 0 | p_o => 0 | p_f => 0 end))).

  Definition smooth1 (a : input1_ -> R) (u : recurrent1_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage1 : Stage own_parameters states handed1_s :=
    MakeStage own_parameters states handed1_s input1_s recurrent1_s keep1_s s_h step1 back1 smooth1.

  Inductive handed2_ := s2_o_prev | s2_f_prev | s2_c_prev | s2_au_i | s2_au_o | s2_au_f | s2_au_g.
  Definition handed2_s : Finite := enumeration handed2_ [s2_o_prev; s2_f_prev; s2_c_prev; s2_au_i; s2_au_o;
    s2_au_f; s2_au_g].
  Inductive input2_ := .
  Definition input2_s : Finite := enumeration input2_ (@nil input2_).
  Inductive recurrent2_ := u2_i_i | u2_o_i | u2_f_i.
  Definition recurrent2_s : Finite := enumeration recurrent2_ [u2_i_i; u2_o_i; u2_f_i].
  Inductive keep2_ := .
  Definition keep2_s : Finite := enumeration keep2_ (@nil keep2_).

  Definition step2 (a : input2_ -> R) (u : recurrent2_ -> R) (s : handed1_ -> R) (p : own_parameter -> R)
    : (handed2_ -> R) * (keep2_ -> R) :=
    let u_i := u u2_i_i in
    let u_o := u u2_o_i in
    let u_f := u u2_f_i in
    let au_i := s s1_au_i + u_i in
    let au_o := s s1_au_o + u_o in
    let au_f := s s1_au_f + u_f in
    (fun which => match which with | s2_o_prev => s s1_o_prev | s2_f_prev => s s1_f_prev | s2_c_prev => s s1_c_prev
      | s2_au_i => au_i | s2_au_o => au_o | s2_au_f => au_f | s2_au_g => s s1_au_g end,
     fun which : keep2_ => match which with end).

  Definition back2 (ds : handed2_ -> R) (kept : keep2_ -> R) (p : own_parameter -> R)
    : Unit input2_s recurrent2_s handed1_s own_parameters :=
    let di_bar := ds s2_au_i in
    let do_bar := ds s2_au_o in
    let df_bar := ds s2_au_f in
    (fun which : input2_ => match which with end,
     (fun which => match which with | u2_i_i => di_bar | u2_o_i => do_bar | u2_f_i => df_bar end,
      (fun which => match which with | s1_i_prev => 0 | s1_o_prev => ds s2_o_prev | s1_f_prev => ds s2_f_prev
        | s1_c_prev => ds s2_c_prev | s1_au_i => di_bar | s1_au_o => do_bar | s1_au_f => df_bar
        | s1_au_g => ds s2_au_g end,
       fun which => match which with | p_i => 0 | p_o => 0 | p_f => 0 end))).

  Definition smooth2 (a : input2_ -> R) (u : recurrent2_ -> R) (s : handed1_ -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage2 : Stage own_parameters handed1_s handed2_s :=
    MakeStage own_parameters handed1_s handed2_s input2_s recurrent2_s keep2_s s1_i_prev step2 back2 smooth2.

  Inductive handed3_ := s3_f_prev | s3_c_prev | s3_au_i | s3_au_o | s3_au_f | s3_au_g.
  Definition handed3_s : Finite := enumeration handed3_ [s3_f_prev; s3_c_prev; s3_au_i; s3_au_o; s3_au_f; s3_au_g].
  Inductive input3_ := .
  Definition input3_s : Finite := enumeration input3_ (@nil input3_).
  Inductive recurrent3_ := u3_i_o | u3_o_o | u3_f_o.
  Definition recurrent3_s : Finite := enumeration recurrent3_ [u3_i_o; u3_o_o; u3_f_o].
  Inductive keep3_ := .
  Definition keep3_s : Finite := enumeration keep3_ (@nil keep3_).

  Definition step3 (a : input3_ -> R) (u : recurrent3_ -> R) (s : handed2_ -> R) (p : own_parameter -> R)
    : (handed3_ -> R) * (keep3_ -> R) :=
    let u_i := u u3_i_o in
    let u_o := u u3_o_o in
    let u_f := u u3_f_o in
    let au_i := s s2_au_i + u_i in
    let au_o := s s2_au_o + u_o in
    let au_f := s s2_au_f + u_f in
    (fun which => match which with | s3_f_prev => s s2_f_prev | s3_c_prev => s s2_c_prev | s3_au_i => au_i
      | s3_au_o => au_o | s3_au_f => au_f | s3_au_g => s s2_au_g end,
     fun which : keep3_ => match which with end).

  Definition back3 (ds : handed3_ -> R) (kept : keep3_ -> R) (p : own_parameter -> R)
    : Unit input3_s recurrent3_s handed2_s own_parameters :=
    let di_bar := ds s3_au_i in
    let do_bar := ds s3_au_o in
    let df_bar := ds s3_au_f in
    (fun which : input3_ => match which with end,
     (fun which => match which with | u3_i_o => di_bar | u3_o_o => do_bar | u3_f_o => df_bar end,
      (fun which => match which with | s2_o_prev => 0 | s2_f_prev => ds s3_f_prev | s2_c_prev => ds s3_c_prev
        | s2_au_i => di_bar | s2_au_o => do_bar | s2_au_f => df_bar | s2_au_g => ds s3_au_g end,
       fun which => match which with | p_i => 0 | p_o => 0 | p_f => 0 end))).

  Definition smooth3 (a : input3_ -> R) (u : recurrent3_ -> R) (s : handed2_ -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage3 : Stage own_parameters handed2_s handed3_s :=
    MakeStage own_parameters handed2_s handed3_s input3_s recurrent3_s keep3_s s2_o_prev step3 back3 smooth3.

  Inductive input4_ := .
  Definition input4_s : Finite := enumeration input4_ (@nil input4_).
  Inductive recurrent4_ := u4_i_f | u4_o_f | u4_f_f.
  Definition recurrent4_s : Finite := enumeration recurrent4_ [u4_i_f; u4_o_f; u4_f_f].
  Inductive keep4_ := k4_i | k4_o | k4_f | k4_g | k4_c_prev | k4_c | k4_tanh_c.
  Definition keep4_s : Finite := enumeration keep4_ [k4_i; k4_o; k4_f; k4_g; k4_c_prev; k4_c; k4_tanh_c].

  Definition step4 (a : input4_ -> R) (u : recurrent4_ -> R) (s : handed3_ -> R) (p : own_parameter -> R)
    : (state -> R) * (keep4_ -> R) :=
    let u_i := u u4_i_f in
    let u_o := u u4_o_f in
    let u_f := u u4_f_f in
    let i := sigmoid (s s3_au_i + u_i + p p_i * s s3_c_prev) in
    let f := sigmoid (s s3_au_f + u_f + p p_f * s s3_c_prev) in
    let g := tanh (s s3_au_g) in
    let c := f * s s3_c_prev + i * g in
    let o := sigmoid (s s3_au_o + u_o + p p_o * c) in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c | s_i => i | s_o => o | s_f => f end,
     fun which => match which with | k4_i => i | k4_o => o | k4_f => f | k4_g => g | k4_c_prev => s s3_c_prev
       | k4_c => c | k4_tanh_c => tanh_c end).

  Definition back4 (ds : state -> R) (kept : keep4_ -> R) (p : own_parameter -> R)
    : Unit input4_s recurrent4_s handed3_s own_parameters :=
    let do_bar := (ds s_o + ds s_h * kept k4_tanh_c) * kept k4_o * (1 - kept k4_o) in
    let dc := ds s_c + ds s_h * kept k4_o * (1 - kept k4_tanh_c * kept k4_tanh_c) + p p_o * do_bar in
    let di_bar := (ds s_i + dc * kept k4_g) * kept k4_i * (1 - kept k4_i) in
    let df_bar := (ds s_f + dc * kept k4_c_prev) * kept k4_f * (1 - kept k4_f) in
    let dg_bar := dc * kept k4_i * (1 - kept k4_g * kept k4_g) in
    let dc_prev := dc * kept k4_f + p p_i * di_bar + p p_f * df_bar in
    (fun which : input4_ => match which with end,
     (fun which => match which with | u4_i_f => di_bar | u4_o_f => do_bar | u4_f_f => df_bar end,
      (fun which => match which with | s3_f_prev => 0 | s3_c_prev => dc_prev | s3_au_i => di_bar
        | s3_au_o => do_bar | s3_au_f => df_bar | s3_au_g => dg_bar end,
       fun which => match which with | p_i => di_bar * kept k4_c_prev | p_o => do_bar * kept k4_c
         | p_f => df_bar * kept k4_c_prev end))).

  Definition smooth4 (a : input4_ -> R) (u : recurrent4_ -> R) (s : handed3_ -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage4 : Stage own_parameters handed3_s states :=
    MakeStage own_parameters handed3_s states input4_s recurrent4_s keep4_s s3_f_prev step4 back4 smooth4.

  Definition cell : Cell := MakeCell own_parameters states s_h (Then stage1 (Then stage2 (Then stage3 (Last stage4)))).
End fgr.

Module fgr_bare.
  Inductive state := s_h | s_c | s_i | s_o | s_f.
  Definition states : Finite := enumeration state [s_h; s_c; s_i; s_o; s_f].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive handed1_ := s1_i_prev | s1_o_prev | s1_f_prev | s1_c_prev | s1_au_i | s1_au_o | s1_au_f | s1_au_g.
  Definition handed1_s : Finite := enumeration handed1_ [s1_i_prev; s1_o_prev; s1_f_prev; s1_c_prev; s1_au_i;
    s1_au_o; s1_au_f; s1_au_g].
  Inductive input1_ := a1_i | a1_o | a1_f | a1_g.
  Definition input1_s : Finite := enumeration input1_ [a1_i; a1_o; a1_f; a1_g].
  Inductive recurrent1_ := u1_i | u1_o | u1_f | u1_g.
  Definition recurrent1_s : Finite := enumeration recurrent1_ [u1_i; u1_o; u1_f; u1_g].
  Inductive keep1_ := .
  Definition keep1_s : Finite := enumeration keep1_ (@nil keep1_).

  Definition step1 (a : input1_ -> R) (u : recurrent1_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (handed1_ -> R) * (keep1_ -> R) :=
    let c_prev := s s_c in
    let i_prev := s s_i in
    let o_prev := s s_o in
    let f_prev := s s_f in
    let au_i := a a1_i + u u1_i in
    let au_o := a a1_o + u u1_o in
    let au_f := a a1_f + u u1_f in
    let au_g := a a1_g + u u1_g in
    (fun which => match which with | s1_i_prev => i_prev | s1_o_prev => o_prev | s1_f_prev => f_prev
      | s1_c_prev => c_prev | s1_au_i => au_i | s1_au_o => au_o | s1_au_f => au_f | s1_au_g => au_g end,
     fun which : keep1_ => match which with end).

  Definition back1 (ds : handed1_ -> R) (kept : keep1_ -> R) (p : own_parameter -> R)
    : Unit input1_s recurrent1_s states own_parameters :=
    (fun which => match which with | a1_i => ds s1_au_i | a1_o => ds s1_au_o | a1_f => ds s1_au_f
      | a1_g => ds s1_au_g end,
     (fun which => match which with | u1_i => ds s1_au_i | u1_o => ds s1_au_o | u1_f => ds s1_au_f
       | u1_g => ds s1_au_g end,
      (fun which => match which with | s_h => 0 | s_c => ds s1_c_prev | s_i => ds s1_i_prev | s_o => ds s1_o_prev
        | s_f => ds s1_f_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth1 (a : input1_ -> R) (u : recurrent1_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage1 : Stage own_parameters states handed1_s :=
    MakeStage own_parameters states handed1_s input1_s recurrent1_s keep1_s s_h step1 back1 smooth1.

  Inductive handed2_ := s2_o_prev | s2_f_prev | s2_c_prev | s2_au_i | s2_au_o | s2_au_f | s2_au_g.
  Definition handed2_s : Finite := enumeration handed2_ [s2_o_prev; s2_f_prev; s2_c_prev; s2_au_i; s2_au_o;
    s2_au_f; s2_au_g].
  Inductive input2_ := .
  Definition input2_s : Finite := enumeration input2_ (@nil input2_).
  Inductive recurrent2_ := u2_i_i | u2_o_i | u2_f_i.
  Definition recurrent2_s : Finite := enumeration recurrent2_ [u2_i_i; u2_o_i; u2_f_i].
  Inductive keep2_ := .
  Definition keep2_s : Finite := enumeration keep2_ (@nil keep2_).

  Definition step2 (a : input2_ -> R) (u : recurrent2_ -> R) (s : handed1_ -> R) (p : own_parameter -> R)
    : (handed2_ -> R) * (keep2_ -> R) :=
    let u_i := u u2_i_i in
    let u_o := u u2_o_i in
    let u_f := u u2_f_i in
    let au_i := s s1_au_i + u_i in
    let au_o := s s1_au_o + u_o in
    let au_f := s s1_au_f + u_f in
    (fun which => match which with | s2_o_prev => s s1_o_prev | s2_f_prev => s s1_f_prev | s2_c_prev => s s1_c_prev
      | s2_au_i => au_i | s2_au_o => au_o | s2_au_f => au_f | s2_au_g => s s1_au_g end,
     fun which : keep2_ => match which with end).

  Definition back2 (ds : handed2_ -> R) (kept : keep2_ -> R) (p : own_parameter -> R)
    : Unit input2_s recurrent2_s handed1_s own_parameters :=
    let di_bar := ds s2_au_i in
    let do_bar := ds s2_au_o in
    let df_bar := ds s2_au_f in
    (fun which : input2_ => match which with end,
     (fun which => match which with | u2_i_i => di_bar | u2_o_i => do_bar | u2_f_i => df_bar end,
      (fun which => match which with | s1_i_prev => 0 | s1_o_prev => ds s2_o_prev | s1_f_prev => ds s2_f_prev
        | s1_c_prev => ds s2_c_prev | s1_au_i => di_bar | s1_au_o => do_bar | s1_au_f => df_bar
        | s1_au_g => ds s2_au_g end,
       fun which : own_parameter => match which with end))).

  Definition smooth2 (a : input2_ -> R) (u : recurrent2_ -> R) (s : handed1_ -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage2 : Stage own_parameters handed1_s handed2_s :=
    MakeStage own_parameters handed1_s handed2_s input2_s recurrent2_s keep2_s s1_i_prev step2 back2 smooth2.

  Inductive handed3_ := s3_f_prev | s3_c_prev | s3_au_i | s3_au_o | s3_au_f | s3_au_g.
  Definition handed3_s : Finite := enumeration handed3_ [s3_f_prev; s3_c_prev; s3_au_i; s3_au_o; s3_au_f; s3_au_g].
  Inductive input3_ := .
  Definition input3_s : Finite := enumeration input3_ (@nil input3_).
  Inductive recurrent3_ := u3_i_o | u3_o_o | u3_f_o.
  Definition recurrent3_s : Finite := enumeration recurrent3_ [u3_i_o; u3_o_o; u3_f_o].
  Inductive keep3_ := .
  Definition keep3_s : Finite := enumeration keep3_ (@nil keep3_).

  Definition step3 (a : input3_ -> R) (u : recurrent3_ -> R) (s : handed2_ -> R) (p : own_parameter -> R)
    : (handed3_ -> R) * (keep3_ -> R) :=
    let u_i := u u3_i_o in
    let u_o := u u3_o_o in
    let u_f := u u3_f_o in
    let au_i := s s2_au_i + u_i in
    let au_o := s s2_au_o + u_o in
    let au_f := s s2_au_f + u_f in
    (fun which => match which with | s3_f_prev => s s2_f_prev | s3_c_prev => s s2_c_prev | s3_au_i => au_i
      | s3_au_o => au_o | s3_au_f => au_f | s3_au_g => s s2_au_g end,
     fun which : keep3_ => match which with end).

  Definition back3 (ds : handed3_ -> R) (kept : keep3_ -> R) (p : own_parameter -> R)
    : Unit input3_s recurrent3_s handed2_s own_parameters :=
    let di_bar := ds s3_au_i in
    let do_bar := ds s3_au_o in
    let df_bar := ds s3_au_f in
    (fun which : input3_ => match which with end,
     (fun which => match which with | u3_i_o => di_bar | u3_o_o => do_bar | u3_f_o => df_bar end,
      (fun which => match which with | s2_o_prev => 0 | s2_f_prev => ds s3_f_prev | s2_c_prev => ds s3_c_prev
        | s2_au_i => di_bar | s2_au_o => do_bar | s2_au_f => df_bar | s2_au_g => ds s3_au_g end,
       fun which : own_parameter => match which with end))).

  Definition smooth3 (a : input3_ -> R) (u : recurrent3_ -> R) (s : handed2_ -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage3 : Stage own_parameters handed2_s handed3_s :=
    MakeStage own_parameters handed2_s handed3_s input3_s recurrent3_s keep3_s s2_o_prev step3 back3 smooth3.

  Inductive input4_ := .
  Definition input4_s : Finite := enumeration input4_ (@nil input4_).
  Inductive recurrent4_ := u4_i_f | u4_o_f | u4_f_f.
  Definition recurrent4_s : Finite := enumeration recurrent4_ [u4_i_f; u4_o_f; u4_f_f].
  Inductive keep4_ := k4_i | k4_o | k4_f | k4_g | k4_c_prev | k4_c | k4_tanh_c.
  Definition keep4_s : Finite := enumeration keep4_ [k4_i; k4_o; k4_f; k4_g; k4_c_prev; k4_c; k4_tanh_c].

  Definition step4 (a : input4_ -> R) (u : recurrent4_ -> R) (s : handed3_ -> R) (p : own_parameter -> R)
    : (state -> R) * (keep4_ -> R) :=
    let u_i := u u4_i_f in
    let u_o := u u4_o_f in
    let u_f := u u4_f_f in
    let i := sigmoid (s s3_au_i + u_i) in
    let f := sigmoid (s s3_au_f + u_f) in
    let g := tanh (s s3_au_g) in
    let c := f * s s3_c_prev + i * g in
    let o := sigmoid (s s3_au_o + u_o) in
    let tanh_c := tanh c in
    let h := o * tanh_c in
    (fun which => match which with | s_h => h | s_c => c | s_i => i | s_o => o | s_f => f end,
     fun which => match which with | k4_i => i | k4_o => o | k4_f => f | k4_g => g | k4_c_prev => s s3_c_prev
       | k4_c => c | k4_tanh_c => tanh_c end).

  Definition back4 (ds : state -> R) (kept : keep4_ -> R) (p : own_parameter -> R)
    : Unit input4_s recurrent4_s handed3_s own_parameters :=
    let do_bar := (ds s_o + ds s_h * kept k4_tanh_c) * kept k4_o * (1 - kept k4_o) in
    let dc := ds s_c + ds s_h * kept k4_o * (1 - kept k4_tanh_c * kept k4_tanh_c) in
    let di_bar := (ds s_i + dc * kept k4_g) * kept k4_i * (1 - kept k4_i) in
    let df_bar := (ds s_f + dc * kept k4_c_prev) * kept k4_f * (1 - kept k4_f) in
    let dg_bar := dc * kept k4_i * (1 - kept k4_g * kept k4_g) in
    let dc_prev := dc * kept k4_f in
    (fun which : input4_ => match which with end,
     (fun which => match which with | u4_i_f => di_bar | u4_o_f => do_bar | u4_f_f => df_bar end,
      (fun which => match which with | s3_f_prev => 0 | s3_c_prev => dc_prev | s3_au_i => di_bar
        | s3_au_o => do_bar | s3_au_f => df_bar | s3_au_g => dg_bar end,
       fun which : own_parameter => match which with end))).

  Definition smooth4 (a : input4_ -> R) (u : recurrent4_ -> R) (s : handed3_ -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage4 : Stage own_parameters handed3_s states :=
    MakeStage own_parameters handed3_s states input4_s recurrent4_s keep4_s s3_f_prev step4 back4 smooth4.

  Definition cell : Cell := MakeCell own_parameters states s_h (Then stage1 (Then stage2 (Then stage3 (Last stage4)))).
End fgr_bare.

Module nas.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_0 | a_1 | a_2 | a_3 | a_4 | a_5 | a_6 | a_7.
  Definition input_s : Finite := enumeration input_ [a_0; a_1; a_2; a_3; a_4; a_5; a_6; a_7].
  Inductive recurrent_ := u_0 | u_1 | u_2 | u_3 | u_4 | u_5 | u_6 | u_7.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_0; u_1; u_2; u_3; u_4; u_5; u_6; u_7].
  Inductive keep_ := k_a_3 | k_u_3 | k_k_1 | k_k_3 | k_n_0 | k_n_1 | k_n_2 | k_n_4 | k_n_5 | k_n_6 | k_n_7
    | k_m_0 | k_m_1 | k_m_2 | k_m_3 | k_q | k_c | k_r | k_h.
  Definition keep_s : Finite := enumeration keep_ [k_a_3; k_u_3; k_k_1; k_k_3; k_n_0; k_n_1; k_n_2; k_n_4; k_n_5;
    k_n_6; k_n_7; k_m_0; k_m_1; k_m_2; k_m_3; k_q; k_c; k_r; k_h].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let n_0 := sigmoid (a a_0 + u u_0) in
    let n_1_bar := a a_1 + u u_1 in
    let k_1 := positive n_1_bar in
    let n_1 := k_1 * n_1_bar in
    let n_2 := sigmoid (a a_2 + u u_2) in
    let n_3_bar := a a_3 * u u_3 in
    let k_3 := positive n_3_bar in
    let n_3 := k_3 * n_3_bar in
    let n_4 := tanh (a a_4 + u u_4) in
    let n_5 := sigmoid (a a_5 + u u_5) in
    let n_6 := tanh (a a_6 + u u_6) in
    let n_7 := sigmoid (a a_7 + u u_7) in
    let m_0 := tanh (n_0 * n_1) in
    let m_1 := tanh (n_2 + n_3) in
    let m_2 := tanh (n_4 * n_5) in
    let m_3 := sigmoid (n_6 + n_7) in
    let q := tanh (m_0 + c_prev) in
    let c := q * m_1 in
    let r := tanh (m_2 + m_3) in
    let h := tanh (c * r) in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_a_3 => a a_3 | k_u_3 => u u_3 | k_k_1 => k_1 | k_k_3 => k_3 | k_n_0 => n_0
       | k_n_1 => n_1 | k_n_2 => n_2 | k_n_4 => n_4 | k_n_5 => n_5 | k_n_6 => n_6 | k_n_7 => n_7 | k_m_0 => m_0
       | k_m_1 => m_1 | k_m_2 => m_2 | k_m_3 => m_3 | k_q => q | k_c => c | k_r => r | k_h => h end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dh_bar := ds s_h * (1 - kept k_h * kept k_h) in
    let dc := ds s_c + dh_bar * kept k_r in
    let dr_bar := dh_bar * kept k_c * (1 - kept k_r * kept k_r) in
    let dq_bar := dc * kept k_m_1 * (1 - kept k_q * kept k_q) in
    let dm_0_bar := dq_bar * (1 - kept k_m_0 * kept k_m_0) in
    let dm_1_bar := dc * kept k_q * (1 - kept k_m_1 * kept k_m_1) in
    let dm_2_bar := dr_bar * (1 - kept k_m_2 * kept k_m_2) in
    let dm_3_bar := dr_bar * kept k_m_3 * (1 - kept k_m_3) in
    let dn_0_bar := dm_0_bar * kept k_n_1 * kept k_n_0 * (1 - kept k_n_0) in
    let dn_1_bar := dm_0_bar * kept k_n_0 * kept k_k_1 in
    let dn_2_bar := dm_1_bar * kept k_n_2 * (1 - kept k_n_2) in
    let dn_3_bar := dm_1_bar * kept k_k_3 in
    let dn_4_bar := dm_2_bar * kept k_n_5 * (1 - kept k_n_4 * kept k_n_4) in
    let dn_5_bar := dm_2_bar * kept k_n_4 * kept k_n_5 * (1 - kept k_n_5) in
    let dn_6_bar := dm_3_bar * (1 - kept k_n_6 * kept k_n_6) in
    let dn_7_bar := dm_3_bar * kept k_n_7 * (1 - kept k_n_7) in
    let da_3 := dn_3_bar * kept k_u_3 in
    let du_3 := dn_3_bar * kept k_a_3 in
    (fun which => match which with | a_0 => dn_0_bar | a_1 => dn_1_bar | a_2 => dn_2_bar | a_3 => da_3
      | a_4 => dn_4_bar | a_5 => dn_5_bar | a_6 => dn_6_bar | a_7 => dn_7_bar end,
     (fun which => match which with | u_0 => dn_0_bar | u_1 => dn_1_bar | u_2 => dn_2_bar | u_3 => du_3
       | u_4 => dn_4_bar | u_5 => dn_5_bar | u_6 => dn_6_bar | u_7 => dn_7_bar end,
      (fun which => match which with | s_h => 0 | s_c => dq_bar end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    let c_prev := s s_c in
    let n_0 := sigmoid (a a_0 + u u_0) in
    let n_1_bar := a a_1 + u u_1 in
    let k_1 := positive n_1_bar in
    let n_1 := k_1 * n_1_bar in
    let n_2 := sigmoid (a a_2 + u u_2) in
    let n_3_bar := a a_3 * u u_3 in
    let k_3 := positive n_3_bar in
    let n_3 := k_3 * n_3_bar in
    let n_4 := tanh (a a_4 + u u_4) in
    let n_5 := sigmoid (a a_5 + u u_5) in
    let n_6 := tanh (a a_6 + u u_6) in
    let n_7 := sigmoid (a a_7 + u u_7) in
    let m_0 := tanh (n_0 * n_1) in
    let m_1 := tanh (n_2 + n_3) in
    let m_2 := tanh (n_4 * n_5) in
    let m_3 := sigmoid (n_6 + n_7) in
    let q := tanh (m_0 + c_prev) in
    let c := q * m_1 in
    let r := tanh (m_2 + m_3) in
    let h := tanh (c * r) in
    n_1_bar <> 0 /\ n_3_bar <> 0.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End nas.

Module mingru.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_z | a_n.
  Definition input_s : Finite := enumeration input_ [a_z; a_n].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_z | k_n | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_z; k_n; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let n := a a_n in
    let h_prev := s s_h in
    let z := sigmoid (a a_z) in
    let h := (1 - z) * n + z * h_prev in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_z => z | k_n => n | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dz_bar := ds s_h * (kept k_h_prev - kept k_n) * kept k_z * (1 - kept k_z) in
    let dn_bar := ds s_h * (1 - kept k_z) in
    let dh_prev := ds s_h * kept k_z in
    (fun which => match which with | a_z => dz_bar | a_n => dn_bar end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End mingru.

Module minlstm.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_f; a_g].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_i | k_f | k_g | k_r | k_q | k_w | k_k | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_f; k_g; k_r; k_q; k_w; k_k; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let g := a a_g in
    let h_prev := s s_h in
    let i := sigmoid (a a_i) in
    let f := sigmoid (a a_f) in
    let r := sigmoid (a a_f - a a_i) in
    let q := f + r * (1 - f) in
    let w' := i + (1 - r) * (1 - i) in
    let k := q / (q + w') in
    let h := k * h_prev + (1 - k) * g in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_i => i | k_f => f | k_g => g | k_r => r | k_q => q | k_w => w' | k_k => k
       | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dq := ds s_h * (kept k_h_prev - kept k_g) * (1 - kept k_k) / (kept k_q + kept k_w) in
    let dw := ds s_h * (kept k_g - kept k_h_prev) * kept k_k / (kept k_q + kept k_w) in
    let dr_bar := (dq * (1 - kept k_f) - dw * (1 - kept k_i)) * kept k_r * (1 - kept k_r) in
    let df_bar := dq * (1 - kept k_r) * kept k_f * (1 - kept k_f) + dr_bar in
    let di_bar := dw * kept k_r * kept k_i * (1 - kept k_i) - dr_bar in
    let dg_bar := ds s_h * (1 - kept k_k) in
    let dh_prev := ds s_h * kept k_k in
    (fun which => match which with | a_i => di_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End minlstm.

Module qrnn.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_o; a_f; a_g].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_o | k_f | k_g | k_c_prev | k_c.
  Definition keep_s : Finite := enumeration keep_ [k_o; k_f; k_g; k_c_prev; k_c].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let o := sigmoid (a a_o) in
    let f := sigmoid (a a_f) in
    let g := tanh (a a_g) in
    let c := f * c_prev + (1 - f) * g in
    let h := o * c in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_o => o | k_f => f | k_g => g | k_c_prev => c_prev | k_c => c end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_c * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o in
    let df_bar := dc * (kept k_c_prev - kept k_g) * kept k_f * (1 - kept k_f) in
    let dg_bar := dc * (1 - kept k_f) * (1 - kept k_g * kept k_g) in
    let dc_prev := dc * kept k_f in
    (fun which => match which with | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End qrnn.

Module diagonal.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_f; a_g].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_f | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_f; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let g := a a_g in
    let h_prev := s s_h in
    let f := sigmoid (a a_f) in
    let h := f * h_prev + g in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_f => f | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let df_bar := ds s_h * kept k_h_prev * kept k_f * (1 - kept k_f) in
    let dh_prev := ds s_h * kept k_f in
    (fun which => match which with | a_f => df_bar | a_g => ds s_h end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End diagonal.

Module diagonal_signed.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_f; a_g].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_f | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_f; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let g := a a_g in
    let h_prev := s s_h in
    let f := tanh (a a_f) in
    let h := f * h_prev + g in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_f => f | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let df_bar := ds s_h * kept k_h_prev * (1 - kept k_f * kept k_f) in
    let dh_prev := ds s_h * kept k_f in
    (fun which => match which with | a_f => df_bar | a_g => ds s_h end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End diagonal_signed.

Module rglru.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := p_r.
  Definition own_parameters : Finite := enumeration own_parameter [p_r].
  Inductive input_ := a_r | a_i | a_g.
  Definition input_s : Finite := enumeration input_ [a_r; a_i; a_g].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_r | k_i | k_g | k_q | k_k | k_w | k_m | k_f | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_r; k_i; k_g; k_q; k_k; k_w; k_m; k_f; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let g := a a_g in
    let h_prev := s s_h in
    let r := sigmoid (a a_r) in
    let i := sigmoid (a a_i) in
    let q := tanh (r * exp (p p_r)) in
    let k := positive q in
    let w' := sqrt (q + (1 - k)) in
    let m := 2 * k * w' / (1 + q) in
    let f := (1 - q) / (1 + q) in
    let h := f * h_prev + m * i * g in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_r => r | k_i => i | k_g => g | k_q => q | k_k => k | k_w => w' | k_m => m
       | k_f => f | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dm := ds s_h * kept k_i * kept k_g in
    let df := ds s_h * kept k_h_prev in
    let dq := (dm * (kept k_k / kept k_w - kept k_m) - df * (1 + kept k_f)) / (1 + kept k_q) in
    let dp := dq * (1 - kept k_q * kept k_q) * kept k_r * exp (p p_r) in
    let dr_bar := dp * (1 - kept k_r) in
    let di_bar := ds s_h * kept k_m * kept k_g * kept k_i * (1 - kept k_i) in
    let dg_bar := ds s_h * kept k_m * kept k_i in
    let dh_prev := ds s_h * kept k_f in
    (fun which => match which with | a_r => dr_bar | a_i => di_bar | a_g => dg_bar end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev end,
       fun which => match which with | p_r => dp end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    let g := a a_g in
    let h_prev := s s_h in
    let r := sigmoid (a a_r) in
    let i := sigmoid (a a_i) in
    let q := tanh (r * exp (p p_r)) in
    let k := positive q in
    let w' := sqrt (q + (1 - k)) in
    let m := 2 * k * w' / (1 + q) in
    let f := (1 - q) / (1 + q) in
    let h := f * h_prev + m * i * g in
    q <> 0 /\ 1 + q <> 0 /\ 1 + q <> 0 /\ 0 < q + (1 - k).

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End rglru.

Module rglru_bare.
  Inductive state := s_h.
  Definition states : Finite := enumeration state [s_h].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_r | a_i | a_g.
  Definition input_s : Finite := enumeration input_ [a_r; a_i; a_g].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_r | k_i | k_g | k_q | k_k | k_w | k_m | k_f | k_h_prev.
  Definition keep_s : Finite := enumeration keep_ [k_r; k_i; k_g; k_q; k_k; k_w; k_m; k_f; k_h_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let g := a a_g in
    let h_prev := s s_h in
    let r := sigmoid (a a_r) in
    let i := sigmoid (a a_i) in
    let q := tanh (r * 1) in
    let k := positive q in
    let w' := sqrt (q + (1 - k)) in
    let m := 2 * k * w' / (1 + q) in
    let f := (1 - q) / (1 + q) in
    let h := f * h_prev + m * i * g in
    (fun which => match which with | s_h => h end,
     fun which => match which with | k_r => r | k_i => i | k_g => g | k_q => q | k_k => k | k_w => w' | k_m => m
       | k_f => f | k_h_prev => h_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dm := ds s_h * kept k_i * kept k_g in
    let df := ds s_h * kept k_h_prev in
    let dq := (dm * (kept k_k / kept k_w - kept k_m) - df * (1 + kept k_f)) / (1 + kept k_q) in
    let dp := dq * (1 - kept k_q * kept k_q) * kept k_r * 1 in
    let dr_bar := dp * (1 - kept k_r) in
    let di_bar := ds s_h * kept k_m * kept k_g * kept k_i * (1 - kept k_i) in
    let dg_bar := ds s_h * kept k_m * kept k_i in
    let dh_prev := ds s_h * kept k_f in
    (fun which => match which with | a_r => dr_bar | a_i => di_bar | a_g => dg_bar end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    let g := a a_g in
    let h_prev := s s_h in
    let r := sigmoid (a a_r) in
    let i := sigmoid (a a_i) in
    let q := tanh (r * 1) in
    let k := positive q in
    let w' := sqrt (q + (1 - k)) in
    let m := 2 * k * w' / (1 + q) in
    let f := (1 - q) / (1 + q) in
    let h := f * h_prev + m * i * g in
    q <> 0 /\ 1 + q <> 0 /\ 1 + q <> 0 /\ 0 < q + (1 - k).

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End rglru_bare.

Module lru.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := p_f | p_r.
  Definition own_parameters : Finite := enumeration own_parameter [p_f; p_r].
  Inductive input_ := a_g | a_j.
  Definition input_s : Finite := enumeration input_ [a_g; a_j].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_g | k_j | k_h_prev | k_c_prev.
  Definition keep_s : Finite := enumeration keep_ [k_g; k_j; k_h_prev; k_c_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let g := a a_g in
    let j := a a_j in
    let h_prev := s s_h in
    let c_prev := s s_c in
    let q := exp (p p_f) in
    let k := 2 / (1 + q * q) in
    let f := k - 1 in
    let m := q * k in
    let r := 2 / (1 + p p_r * p p_r) in
    let y := r - 1 in
    let z := p p_r * r in
    let v' := f * y in
    let w' := f * z in
    let h := v' * h_prev - w' * c_prev + m * g in
    let c := w' * h_prev + v' * c_prev + m * j in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_g => g | k_j => j | k_h_prev => h_prev | k_c_prev => c_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let q := exp (p p_f) in
    let k := 2 / (1 + q * q) in
    let f := k - 1 in
    let m := q * k in
    let r := 2 / (1 + p p_r * p p_r) in
    let y := r - 1 in
    let z := p p_r * r in
    let v' := f * y in
    let w' := f * z in
    let dg_bar := ds s_h * m in
    let dj_bar := ds s_c * m in
    let dm := ds s_h * kept k_g + ds s_c * kept k_j in
    let dv := ds s_h * kept k_h_prev + ds s_c * kept k_c_prev in
    let dw := ds s_c * kept k_h_prev - ds s_h * kept k_c_prev in
    let df := dv * y + dw * z in
    let dp_f := (dm * f - df * m) * m in
    let dp_r := (dw * v' - dv * w') * r in
    let dh_prev := v' * ds s_h + w' * ds s_c in
    let dc_prev := v' * ds s_c - w' * ds s_h in
    (fun which => match which with | a_g => dg_bar | a_j => dj_bar end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev | s_c => dc_prev end,
       fun which => match which with | p_f => dp_f | p_r => dp_r end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End lru.

Module lru_bare.
  Inductive state := s_h | s_c.
  Definition states : Finite := enumeration state [s_h; s_c].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_g | a_j.
  Definition input_s : Finite := enumeration input_ [a_g; a_j].
  Inductive recurrent_ := .
  Definition recurrent_s : Finite := enumeration recurrent_ (@nil recurrent_).
  Inductive keep_ := k_g | k_j | k_h_prev | k_c_prev.
  Definition keep_s : Finite := enumeration keep_ [k_g; k_j; k_h_prev; k_c_prev].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let g := a a_g in
    let j := a a_j in
    let h_prev := s s_h in
    let c_prev := s s_c in
    let h := 0 * h_prev + 1 * g in
    let c := 0 * c_prev + 1 * j in
    (fun which => match which with | s_h => h | s_c => c end,
     fun which => match which with | k_g => g | k_j => j | k_h_prev => h_prev | k_c_prev => c_prev end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let dg_bar := ds s_h * 1 in
    let dj_bar := ds s_c * 1 in
    let dm := ds s_h * kept k_g + ds s_c * kept k_j in
    let dv := ds s_h * kept k_h_prev + ds s_c * kept k_c_prev in
    let dw := ds s_c * kept k_h_prev - ds s_h * kept k_c_prev in
    let df := dv * 1 in
    let dp_f := (dm * 0 - df * 1) * 1 in
    let dp_r := dw * 0 * 2 in
    let dh_prev := 0 * ds s_h in
    let dc_prev := 0 * ds s_c in
    (fun which => match which with | a_g => dg_bar | a_j => dj_bar end,
     (fun which : recurrent_ => match which with end,
      (fun which => match which with | s_h => dh_prev | s_c => dc_prev end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    True.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End lru_bare.

Module slstm.
  Inductive state := s_h | s_c | s_n | s_m.
  Definition states : Finite := enumeration state [s_h; s_c; s_n; s_m].
  Inductive own_parameter := .
  Definition own_parameters : Finite := enumeration own_parameter (@nil own_parameter).
  Inductive input_ := a_i | a_o | a_f | a_g.
  Definition input_s : Finite := enumeration input_ [a_i; a_o; a_f; a_g].
  Inductive recurrent_ := u_i | u_o | u_f | u_g.
  Definition recurrent_s : Finite := enumeration recurrent_ [u_i; u_o; u_f; u_g].
  Inductive keep_ := k_i | k_o | k_f | k_g | k_j | k_k | k_c_prev | k_n_prev | k_n | k_q.
  Definition keep_s : Finite := enumeration keep_ [k_i; k_o; k_f; k_g; k_j; k_k; k_c_prev; k_n_prev; k_n; k_q].

  Definition step (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R)
    : (state -> R) * (keep_ -> R) :=
    let c_prev := s s_c in
    let n_prev := s s_n in
    let m_prev := s s_m in
    let i_bar := a a_i + u u_i in
    let o_bar := a a_o + u u_o in
    let f_bar := a a_f + u u_f in
    let g_bar := a a_g + u u_g in
    let o := sigmoid o_bar in
    let g := tanh g_bar in
    let j := positive n_prev in
    let y := j * (f_bar + m_prev - i_bar) in
    let k := positive y in
    let m := i_bar + k * y in
    let i := exp ((1 - k) * y - y) in
    let f := exp ((1 - k) * y) in
    let c := f * c_prev + i * g in
    let n := f * n_prev + i in
    let q := c / n in
    let h := o * q in
    (fun which => match which with | s_h => h | s_c => c | s_n => n | s_m => m end,
     fun which => match which with | k_i => i | k_o => o | k_f => f | k_g => g | k_j => j | k_k => k
       | k_c_prev => c_prev | k_n_prev => n_prev | k_n => n | k_q => q end).

  Definition back (ds : state -> R) (kept : keep_ -> R) (p : own_parameter -> R)
    : Unit input_s recurrent_s states own_parameters :=
    let do_bar := ds s_h * kept k_q * kept k_o * (1 - kept k_o) in
    let dc := ds s_c + ds s_h * kept k_o / kept k_n in
    let dn := ds s_n - ds s_h * kept k_o * kept k_q / kept k_n in
    let dg_bar := dc * kept k_i * (1 - kept k_g * kept k_g) in
    let di := dc * kept k_g + dn in
    let df := dc * kept k_c_prev + dn * kept k_n_prev in
    let dy := (ds s_m - di * kept k_i) * kept k_k + df * kept k_f * (1 - kept k_k) in
    let df_bar := dy * kept k_j in
    let di_bar := ds s_m - df_bar in
    let dc_prev := dc * kept k_f in
    let dn_prev := dn * kept k_f in
    (fun which => match which with | a_i => di_bar | a_o => do_bar | a_f => df_bar | a_g => dg_bar end,
     (fun which => match which with | u_i => di_bar | u_o => do_bar | u_f => df_bar | u_g => dg_bar end,
      (fun which => match which with | s_h => 0 | s_c => dc_prev | s_n => dn_prev | s_m => df_bar end,
       fun which : own_parameter => match which with end))).

  Definition smooth (a : input_ -> R) (u : recurrent_ -> R) (s : state -> R) (p : own_parameter -> R) : Prop :=
    let c_prev := s s_c in
    let n_prev := s s_n in
    let m_prev := s s_m in
    let i_bar := a a_i + u u_i in
    let o_bar := a a_o + u u_o in
    let f_bar := a a_f + u u_f in
    let g_bar := a a_g + u u_g in
    let o := sigmoid o_bar in
    let g := tanh g_bar in
    let j := positive n_prev in
    let y := j * (f_bar + m_prev - i_bar) in
    let k := positive y in
    let m := i_bar + k * y in
    let i := exp ((1 - k) * y - y) in
    let f := exp ((1 - k) * y) in
    let c := f * c_prev + i * g in
    let n := f * n_prev + i in
    let q := c / n in
    let h := o * q in
    n_prev <> 0 /\ y <> 0 /\ n <> 0.

  Definition stage : Stage own_parameters states states :=
    MakeStage own_parameters states states input_s recurrent_s keep_s s_h step back smooth.

  Definition cell : Cell := MakeCell own_parameters states s_h (Last stage).
End slstm.
