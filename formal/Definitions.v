(** What the theorems speak of: a transposed derivative, a gradient, a run of any machine over a sequence and the recursion
    back through it, and the scan of this package, with matrix products, stages and masks, for any cell.

    Here are definitions only. What is claimed of them stands in [Statements], and what proves it in the other files. *)

From Coq Require Import Reals List.
From Coquelicot Require Import Coquelicot.
From Bptt Require Export Spaces.
Import ListNotations.
Open Scope R_scope.
Unset Asymmetric Patterns.

(** ** Derivatives *)

(** [g] is the gradient of the loss [L] at [v]: near v, the loss is L v + <g, d> up to what is small beside d. This is the
    derivative of analysis (Fréchet's), in all components of v jointly. *)

Definition gradient {V : Space} (L : V -> R) (v : V) (g : V) : Prop :=
  filterdiff (L : V -> Reals) (locally v) (fun d => dot g d).

(** [back] is the transposed derivative of [f] at [v]: f has a derivative D there, and <w, D d> = <back w, d> for all w, d. *)

Definition transposed {V W : Space} (f : V -> W) (v : V) (back : W -> V) : Prop :=
  exists D : V -> W, filterdiff f (locally v) D /\ forall w d, dot w (D d) = dot (back w) d.

(** ** A machine, its run, and the way back *)

(** A machine makes of parameters p, input x and state s an output y and the next state; [step_back] takes derivatives of
    (y, s') back to (p, (x, s)). Both may depend on what else is known at a step, of type M: a mask, the number of the step. *)

Record Machine (M : Type) (P X S Y : Space) := MakeMachine {
  step : M -> P -> X -> S -> Pair Y S;
  step_back : M -> P -> X -> S -> Pair Y S -> Pair P (Pair X S)
}.
Arguments step {_ _ _ _ _} _ _ _ _ _.
Arguments step_back {_ _ _ _ _} _ _ _ _ _ _.

(** A sequence with an element of V for each step of [ms]. *)

Fixpoint Each {M : Type} (ms : list M) (V : Space) : Space :=
  match ms with [] => Zero | _ :: rest => Pair V (Each rest V) end.

Section Run.
Context {M : Type} {P X S Y : Space} (f : Machine M P X S Y).

(** All outputs and the final state. *)

Fixpoint run (ms : list M) (p : P) : Each ms X -> S -> Pair (Each ms Y) S :=
  match ms with
  | [] => fun _ s => (zero, s)
  | m :: rest => fun xs s =>
      let here := step f m p (fst xs) s in
      let later := run rest p (snd xs) (snd here) in
      ((fst here, fst later), snd later)
  end.

(** From derivatives with respect to all outputs and the final state those with respect to the parameters, all inputs and
    the initial state: backpropagation through time. The result is (dp, (dxs, ds)): what the later steps return is [later];
    its last part is the derivative with respect to the state that this step hands on. *)

Fixpoint backward (ms : list M) (p : P) : Each ms X -> S -> Pair (Each ms Y) S -> Pair P (Pair (Each ms X) S) :=
  match ms with
  | [] => fun _ _ d => (zero, (zero, snd d))
  | m :: rest => fun xs s d =>
      let s' := snd (step f m p (fst xs) s) in
      let later := backward rest p (snd xs) s' (snd (fst d), snd d) in
      let here := step_back f m p (fst xs) s (fst (fst d), snd (snd later)) in
      (plus (fst later) (fst here), ((fst (snd here), fst (snd later)), snd (snd here)))
  end.

(** [Q] holds at each point that the run visits. *)

Fixpoint visited (Q : M -> P -> X -> S -> Prop) (ms : list M) (p : P) : Each ms X -> S -> Prop :=
  match ms with
  | [] => fun _ _ => True
  | m :: rest => fun xs s => Q m p (fst xs) s /\ visited Q rest p (snd xs) (snd (step f m p (fst xs) s))
  end.

(** At this point, [step_back] is the transposed derivative of [step], jointly in parameters, input and state. *)

Definition right_at (m : M) (p : P) (x : X) (s : S) : Prop :=
  transposed (fun v : Pair P (Pair X S) => step f m (fst v) (fst (snd v)) (snd (snd v))) (p, (x, s)) (step_back f m p x s).

(** The machine with parameters of its own at every step: they are a part of the input. *)

Definition unshared : Machine M Zero (Pair P X) S Y :=
  MakeMachine M Zero (Pair P X) S Y
    (fun m _ px s => step f m (fst px) (snd px) s)
    (fun m _ px s d => let b := step_back f m (fst px) (snd px) s d in (zero, ((fst b, fst (snd b)), snd (snd b)))).

Fixpoint copies (ms : list M) (p : P) : Each ms X -> Each ms (Pair P X) :=
  match ms with [] => fun _ => zero | _ :: rest => fun xs => ((p, fst xs), copies rest p (snd xs)) end.

(** The sum, over all steps, of the derivatives with respect to each step's own parameters. *)

Fixpoint sum_of_copies (ms : list M) : Each ms (Pair P X) -> P :=
  match ms with [] => fun _ => zero | _ :: rest => fun ds => plus (sum_of_copies rest (snd ds)) (fst (fst ds)) end.
End Run.

(** Two sequences, one after the other. *)

Fixpoint followed {M : Type} {V : Space} (ms ns : list M) : Each ms V -> Each ns V -> Each (ms ++ ns) V :=
  match ms with
  | [] => fun _ ys => ys
  | _ :: rest => fun xs ys => (fst xs, followed rest ns (snd xs) ys)
  end.

(** ** Cells *)

(** One unit of one example: numbers for a, u, the state and the own parameters p, by name. *)

Definition Unit (A U S O : Finite) : Space :=
  Pair (Array A Reals) (Pair (Array U Reals) (Pair (Array S Reals) (Array O Reals))).

(** A stage of a cell, for one unit of one example. [O] names its own parameters p, [S] the state before it, [S'] the one
    after; [A] and [U] the gates that see the input's part a and the recurrent part u, [K] what [unit_step] keeps for
    [unit_back]; [reads] the array of the state that the recurrent product reads. [smooth] says where the step is
    differentiable: True, but for a cell with a kink (relu). *)

Record Stage (O S S' : Finite) := MakeStage {
  A : Finite; U : Finite; K : Finite;
  reads : S;
  unit_step : (A -> R) -> (U -> R) -> (S -> R) -> (O -> R) -> (S' -> R) * (K -> R);
  unit_back : (S' -> R) -> (K -> R) -> (O -> R) -> Unit A U S O;
  smooth : (A -> R) -> (U -> R) -> (S -> R) -> (O -> R) -> Prop
}.
Arguments A {_ _ _} _. Arguments U {_ _ _} _. Arguments K {_ _ _} _. Arguments reads {_ _ _} _.
Arguments unit_step {_ _ _} _ _ _ _ _. Arguments unit_back {_ _ _} _ _ _ _. Arguments smooth {_ _ _} _ _ _ _ _.

(** The stage is proven: for one unit, [unit_back], given what [unit_step] kept, is its transposed derivative. *)

Definition proven {O S S' : Finite} (stage : Stage O S S') : Prop :=
  forall a u s p, smooth stage a u s p ->
  transposed (W := Array S' Reals)
    (fun v : Unit (A stage) (U stage) S O =>
      fst (unit_step stage (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))))
    (a, (u, (s, p)))
    (fun ds' => unit_back stage ds' (snd (unit_step stage a u s p)) p).

(** Stages, one after the other, that share their own parameters p. *)

Inductive Stages (O : Finite) : Finite -> Finite -> Type :=
| Last {S S'} : Stage O S S' -> Stages O S S'
| Then {S S' S''} : Stage O S S' -> Stages O S' S'' -> Stages O S S''.
Arguments Last {_ _ _} _. Arguments Then {_ _ _ _} _ _.

Record Cell := MakeCell { own : Finite; states : Finite; output : states; stages : Stages own states states }.

Fixpoint all_proven {O S S'} (c : Stages O S S') : Prop :=
  match c with Last stage => proven stage | Then stage rest => proven stage /\ all_proven rest end.

(** The cell has no kink: it is differentiable everywhere. *)

Fixpoint smooth_everywhere {O S S'} (c : Stages O S S') : Prop :=
  match c with
  | Last stage => forall a u s p, smooth stage a u s p
  | Then stage rest => (forall a u s p, smooth stage a u s p) /\ smooth_everywhere rest
  end.

(** ** The scan: D input features, H hidden units, B examples, each any finite set *)

Section Scan.
Variables D H B : Finite.

Definition Matrix (I J : Finite) : Space := Array I (Array J Reals).
Definition Input : Space := Matrix D B.
Definition Planes (S : Finite) : Space := Array S (Matrix H B).
Definition Own (O : Finite) : Space := Matrix O H.

(** W, R and b of one stage: for each of its gates the gate's rows. *)

Definition Weights {O S S' : Finite} (stage : Stage O S S') : Space :=
  Pair (Array (A stage) (Matrix H D)) (Pair (Array (U stage) (Matrix H H)) (Array (A stage) (Array H Reals))).

Section OneStage.
Context {O S S' : Finite} (stage : Stage O S S').

Definition W (w : Weights stage) : Array (A stage) (Matrix H D) := fst w.
Definition R_ (w : Weights stage) : Array (U stage) (Matrix H H) := fst (snd w).
Definition b (w : Weights stage) : Array (A stage) (Array H Reals) := snd (snd w).

(** a = W x + b and u = R q. *)

Definition scan_a (w : Weights stage) (x : Input) : Array (A stage) (Matrix H B) :=
  fun g j e => (Σ d : D, W w g j d * x d e) + b w g j.

Definition scan_u (w : Weights stage) (q : Matrix H B) : Array (U stage) (Matrix H B) :=
  fun g j e => Σ k : H, R_ w g j k * q k e.

(** What [unit_step] makes of unit j of example e. *)

Definition at_unit (w : Weights stage) (p : Own O) (x : Input) (s : Planes S) (j : H) (e : B) : (S' -> R) * (K stage -> R) :=
  unit_step stage (fun g => scan_a w x g j e) (fun g => scan_u w (s (reads stage)) g j e)
    (fun k => s k j e) (fun o => p o j).

Definition stage_forward (w : Weights stage) (p : Own O) (x : Input) (s : Planes S) : Planes S' :=
  fun k j e => fst (at_unit w p x s j e) k.

(** dW = Σ da xᵀ, dR = Σ du qᵀ, db = Σ da 1, dp = Σ dp 1, dx = Wᵀ da, ds = ds + (Rᵀ du, for the array that the product
    read). *)

Definition stage_backward (w : Weights stage) (p : Own O) (x : Input) (s : Planes S) (ds' : Planes S') :
    Pair (Weights stage) (Pair (Own O) (Pair Input (Planes S))) :=
  let q := s (reads stage) in
  let back j e := unit_back stage (fun k => ds' k j e) (snd (at_unit w p x s j e)) (fun o => p o j) in
  let da g j e := fst (back j e) g in
  let du g j e := fst (snd (back j e)) g in
  let ds k j e := fst (snd (snd (back j e))) k in
  let dp o j e := snd (snd (snd (back j e))) o in
  ((fun g j d => Σ e : B, da g j e * x d e,
   (fun g j k => Σ e : B, du g j e * q k e,
    fun g j => Σ e : B, da g j e)),
   (fun o j => Σ e : B, dp o j e,
   (fun d e => Σ g : (A stage), Σ j : H, W w g j d * da g j e,
    fun k j e => ds k j e + if same S k (reads stage) then Σ g : (U stage), Σ i : H, R_ w g i j * du g i e else 0))).

Definition stage_smooth (w : Weights stage) (p : Own O) (x : Input) (s : Planes S) : Prop :=
  forall j e, smooth stage (fun g => scan_a w x g j e) (fun g => scan_u w (s (reads stage)) g j e)
    (fun k => s k j e) (fun o => p o j).
End OneStage.

Fixpoint AllWeights {O S S'} (c : Stages O S S') : Space :=
  match c with Last stage => Weights stage | Then stage rest => Pair (Weights stage) (AllWeights rest) end.

Fixpoint forward {O S S'} (c : Stages O S S') : AllWeights c -> Own O -> Input -> Planes S -> Planes S' :=
  match c with
  | Last stage => stage_forward stage
  | Then stage rest => fun w p x s => forward rest (snd w) p x (stage_forward stage (fst w) p x s)
  end.

Fixpoint back {O S S'} (c : Stages O S S') : AllWeights c -> Own O -> Input -> Planes S -> Planes S' ->
    Pair (AllWeights c) (Pair (Own O) (Pair Input (Planes S))) :=
  match c with
  | Last stage => stage_backward stage
  | Then stage rest => fun w p x s ds'' =>
      let later := back rest (snd w) p x (stage_forward stage (fst w) p x s) ds'' in
      let here := stage_backward stage (fst w) p x s (snd (snd (snd later))) in
      ((fst here, fst later),
       (plus (fst (snd later)) (fst (snd here)),
       (plus (fst (snd (snd later))) (fst (snd (snd here))), snd (snd (snd here)))))
  end.

Fixpoint all_smooth {O S S'} (c : Stages O S S') : AllWeights c -> Own O -> Input -> Planes S -> Prop :=
  match c with
  | Last stage => stage_smooth stage
  | Then stage rest => fun w p x s =>
      stage_smooth stage (fst w) p x s /\ all_smooth rest (snd w) p x (stage_forward stage (fst w) p x s)
  end.

(** A mask says of each array, unit and example whether there is a step; where there is none the state stays as it was. *)

Definition Mask (S : Finite) : Type := S -> H -> B -> bool.

Definition select {S} (mask : Mask S) (v w : Planes S) : Planes S := fun k j e => if mask k j e then v k j e else w k j e.

(** A plane as the planes of a state that are 0 but for the array k. *)

Definition only {S : Finite} (k : S) (v : Matrix H B) : Planes S := fun i => if same S i k then v else zero.

Variable c : Cell.

Definition Parameters : Space := Pair (AllWeights (stages c)) (Own (own c)).

Definition scan : Machine (Mask (states c)) Parameters Input (Planes (states c)) (Matrix H B) :=
  MakeMachine _ Parameters Input (Planes (states c)) (Matrix H B)
    (fun mask p x s =>
      let s' := select mask (forward (stages c) (fst p) (snd p) x s) s in (s' (output c), s'))
    (fun mask p x s d =>
      let ds' := plus (snd d) (only (output c) (fst d)) in
      let b := back (stages c) (fst p) (snd p) x s (select mask ds' zero) in
      ((fst b, fst (snd b)), (fst (snd (snd b)), plus (snd (snd (snd b))) (select mask zero ds')))).

Definition scan_smooth (mask : Mask (states c)) (p : Parameters) (x : Input) (s : Planes (states c)) : Prop :=
  all_smooth (stages c) (fst p) (snd p) x s.
End Scan.

(** ** Functions of one unit *)

Definition sigmoid (x : R) : R := (1 + tanh (x / 2)) / 2.
Definition positive (x : R) : R := if Rlt_dec 0 x then 1 else 0.

(** All elements of an enumeration are in its list, once, and can be told apart. *)

Ltac complete := let i := fresh in intros i; destruct i; simpl; tauto.
Ltac without_repetition := repeat constructor; simpl; intuition discriminate.
Ltac distinct := decide equality.
Notation enumeration t l :=
  (MakeFinite t (l : list t) ltac:(complete) ltac:(without_repetition) ltac:(distinct)) (only parsing).
