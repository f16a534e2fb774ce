(** The theorems, as statements. Nothing here is proven, and nothing here rests on a proof: what is imported are the
    definitions. [Theorems] proves the general ones, [generated/Corollaries] those of the cells. *)

From Coq Require Import Reals List.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions.
Import ListNotations.
Open Scope R_scope.
Unset Asymmetric Patterns.

(** Backpropagation through time. For any machine, any number of steps, any parameters, inputs and initial state, and any
    loss of all outputs and the final state: where the way back of each single step is right at the points that the run
    visits, what the recursion returns is the gradient of the loss with respect to the parameters, every input and the
    initial state, jointly. *)

Definition scan_theorem : Prop :=
  forall (M : Type) (P X S Y : Space) (f : Machine M P X S Y) (ms : list M) (p : P) (xs : Each ms X) (s : S),
  visited f (right_at f) ms p xs s ->
  forall (L : Pair (Each ms Y) S -> R) (d : Pair (Each ms Y) S),
  gradient L (run f ms p xs s) d ->
  gradient (fun v : Pair P (Pair (Each ms X) S) => L (run f ms (fst v) (fst (snd v)) (snd (snd v))))
    (p, (xs, s)) (backward f ms p xs s d).

(** Weights that are shared over time. Give each step parameters of its own, as a part of its input: with equal copies the
    run is the same, and the gradient with respect to the shared parameters is the sum of those with respect to the copies
    (which are gradients, by the theorem above). *)

Definition weights_shared_over_time : Prop :=
  forall (M : Type) (P X S Y : Space) (f : Machine M P X S Y) (ms : list M) (p : P) (xs : Each ms X) (s : S),
  run (unshared f) ms zero (copies ms p xs) s = run f ms p xs s /\
  forall d, fst (backward f ms p xs s d) =
    sum_of_copies ms (fst (snd (backward (unshared f) ms zero (copies ms p xs) s d))).

(** A sequence in two pieces: the derivative with respect to the state at the cut, which the second piece returns, is handed
    to the first; the derivatives with respect to the parameters are added. The result is that of the whole. *)

Definition pieces_equal_the_whole : Prop :=
  forall (M : Type) (P X S Y : Space) (f : Machine M P X S Y) (ms ns : list M) (p : P)
    (xs : Each ms X) (ys : Each ns X) (s : S) (dus : Each ms Y) (dvs : Each ns Y) (dlast : S),
  backward f (ms ++ ns) p (followed ms ns xs ys) s (followed ms ns dus dvs, dlast) =
    let second := backward f ns p ys (snd (run f ms p xs s)) (dvs, dlast) in
    let first := backward f ms p xs s (dus, snd (snd second)) in
    (plus (fst second) (fst first), (followed ms ns (fst (snd first)) (fst (snd second)), snd (snd first))).

(** Truncation hands on nothing at the cut. What it drops is exactly what the first piece makes of the derivative at the
    cut, with no loss of its own. *)

Definition what_truncation_drops : Prop :=
  forall (M : Type) (P X S Y : Space) (f : Machine M P X S Y) (ms ns : list M) (p : P)
    (xs : Each ms X) (ys : Each ns X) (s : S) (dus : Each ms Y) (dvs : Each ns Y) (dlast : S),
  visited f (right_at f) ms p xs s ->
  let second := backward f ns p ys (snd (run f ms p xs s)) (dvs, dlast) in
  let truncated := backward f ms p xs s (dus, zero) in
  let dropped := backward f ms p xs s (zero, snd (snd second)) in
  backward f (ms ++ ns) p (followed ms ns xs ys) s (followed ms ns dus dvs, dlast) =
    (plus (fst second) (plus (fst truncated) (fst dropped)),
     (followed ms ns (plus (fst (snd truncated)) (fst (snd dropped))) (fst (snd second)),
      plus (snd (snd truncated)) (snd (snd dropped)))).

(** The gradient is unique: two gradients of one loss at one point are equal. *)

Definition gradient_is_unique : Prop :=
  forall (V : Space) (L : V -> R) (v g g' : V), gradient L v g -> gradient L v g' -> g = g'.

(** The derivative along each direction, and so with respect to each single element, can be read from a gradient. *)

Definition gradient_gives_each_derivative : Prop :=
  forall (V : Space) (L : V -> R) (v g : V), gradient L v g ->
  forall d : V, is_derive (fun t : R => L (plus v (scal t d))) 0 (dot g d).

(** ** The scan of the package

    For a cell: any finite sets of D features, H units and B examples, any number of steps, each with a mask, any
    parameters (W, R, b of each stage, and p), inputs and initial state, and any loss of all h_t and the final state:
    [backward (scan D H B c)] returns the gradient. *)

Definition bptt_at (c : Cell) (D H B : Finite) (masks : list (Mask H B (states c))) (P : Parameters D H c)
    (xs : Each masks (Input D B)) (s : Planes H B (states c)) : Prop :=
  forall (L : Pair (Each masks (Matrix H B)) (Planes H B (states c)) -> R) d,
  gradient L (run (scan D H B c) masks P xs s) d ->
  gradient (fun v : Pair (Parameters D H c) (Pair (Each masks (Input D B)) (Planes H B (states c))) =>
      L (run (scan D H B c) masks (fst v) (fst (snd v)) (snd (snd v))))
    (P, (xs, s)) (backward (scan D H B c) masks P xs s d).

(** At every point. *)

Definition bptt (c : Cell) : Prop := forall D H B masks P xs s, bptt_at c D H B masks P xs s.

(** At every point at which no unit stands on its kink, at any step. *)

Definition bptt_away_from_kinks (c : Cell) : Prop :=
  forall D H B masks P xs s,
  visited (scan D H B c) (scan_smooth D H B c) masks P xs s -> bptt_at c D H B masks P xs s.

(** A proven cell in the scan is a proven network. *)

Definition proven_cell_in_the_scan : Prop :=
  forall c : Cell, all_proven (stages c) -> bptt_away_from_kinks c.

(** And if it has no kink, at every point. *)

Definition proven_smooth_cell_in_the_scan : Prop :=
  forall c : Cell, all_proven (stages c) -> smooth_everywhere (stages c) -> bptt c.
