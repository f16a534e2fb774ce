(** Spaces: what parameters, inputs, states and outputs are elements of.

    A [Space] is a normed module over the reals (Coquelicot) with an inner product [dot]. There are three ways to make
    one: the numbers [Reals], pairs [V * W], and arrays [Array I V], functions from a finite set of indices I to V. So a
    matrix with rows I and columns J is an element of [Array I (Array J Reals)], a function of two indices, and the inner
    product of two matrices is the sum over both. *)

From Coq Require Import Reals List FinFun Lra FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
Import ListNotations.
Open Scope R_scope.

(** ** Finite sets of indices: all elements in a list, each once. *)

Record Finite := MakeFinite {
  index :> Type;
  elements : list index;
  all_are_there : forall i, In i elements;
  each_once : NoDup elements;
  same : forall i k : index, {i = k} + {i <> k}
}.

(** The sum of f over a list, and over a finite set. *)

Fixpoint total {T : Type} (l : list T) (f : T -> R) : R :=
  match l with [] => 0 | i :: rest => f i + total rest f end.

Definition Sum (I : Finite) (f : I -> R) : R := total (elements I) f.

Notation "'Σ' i ':' I , e" := (Sum I (fun i => e)) (at level 39, i name, I at level 9, e at level 40).

Lemma total_plus {T} (l : list T) f g : total l (fun i => f i + g i) = total l f + total l g.
Proof. induction l as [| i l IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma total_scal {T} (l : list T) k f : total l (fun i => k * f i) = k * total l f.
Proof. induction l as [| i l IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma total_ext {T} (l : list T) f g : (forall i, f i = g i) -> total l f = total l g.
Proof. intros H. induction l as [| i l IH]; simpl; [| rewrite IH, H]; reflexivity. Qed.

Lemma total_zero {T} (l : list T) f : (forall i, f i = 0) -> total l f = 0.
Proof. intros H. induction l as [| i l IH]; simpl; [| rewrite IH, H]; ring. Qed.

Lemma total_le {T} (l : list T) f g : (forall i, f i <= g i) -> total l f <= total l g.
Proof. intros H. induction l as [| i l IH]; simpl; [lra |]. specialize (H i). lra. Qed.

Lemma total_one {T} (l : list T) f i : (forall k, 0 <= f k) -> In i l -> f i <= total l f.
Proof.
  intros H. induction l as [| k l IH]; simpl; [tauto |].
  assert (0 <= total l f) by (rewrite <- (total_zero l (fun _ => 0)) by reflexivity; now apply total_le).
  intros [-> | Hi]; [lra |]. specialize (IH Hi). specialize (H k). lra.
Qed.

Lemma total_const {T} (l : list T) c : total l (fun _ => c) = INR (length l) * c.
Proof. induction l as [| i l IH]; [simpl; ring |]. change (length (i :: l)) with (S (length l)).
  rewrite S_INR. simpl total. rewrite IH. ring. Qed.

(** ** Arrays are a normed module: all is done to each element, and the norm is the sum of the elements' norms. *)

Section Arrays.
Variables (I : Finite) (V : NormedModule R_AbsRing).

(* The laws are lemmas of their own, and closed, so that nobody has to look into them to see that two spaces are one. *)

Let array_plus (f g : I -> V) : I -> V := fun i => plus (f i) (g i).
Let array_opp (f : I -> V) : I -> V := fun i => opp (f i).
Let array_zero : I -> V := fun _ => zero.
Let array_scal (k : R) (f : I -> V) : I -> V := fun i => scal k (f i).

Lemma array_plus_comm f g : array_plus f g = array_plus g f.
Proof. apply functional_extensionality. intro i. apply plus_comm. Qed.

Lemma array_plus_assoc f g h : array_plus f (array_plus g h) = array_plus (array_plus f g) h.
Proof. apply functional_extensionality. intro i. apply plus_assoc. Qed.

Lemma array_plus_zero f : array_plus f array_zero = f.
Proof. apply functional_extensionality. intro i. apply plus_zero_r. Qed.

Lemma array_plus_opp f : array_plus f (array_opp f) = array_zero.
Proof. apply functional_extensionality. intro i. apply plus_opp_r. Qed.

Definition array_mixin : AbelianGroup.mixin_of (I -> V) :=
  AbelianGroup.Mixin (I -> V) array_plus array_opp array_zero
    array_plus_comm array_plus_assoc array_plus_zero array_plus_opp.

Definition array_group : AbelianGroup := AbelianGroup.Pack (I -> V) array_mixin (I -> V).

Lemma array_scal_assoc k l f : array_scal k (array_scal l f) = array_scal (mult k l) f.
Proof. apply functional_extensionality. intro i. exact (scal_assoc k l (f i)). Qed.

Lemma array_scal_one f : array_scal one f = f.
Proof. apply functional_extensionality. intro i. exact (scal_one (f i)). Qed.

Lemma array_scal_plus_r k f g : array_scal k (array_plus f g) = array_plus (array_scal k f) (array_scal k g).
Proof. apply functional_extensionality. intro i. exact (scal_distr_l k (f i) (g i)). Qed.

Lemma array_scal_plus_l (k l : R) f : array_scal (plus k l) f = array_plus (array_scal k f) (array_scal l f).
Proof. apply functional_extensionality. intro i. exact (scal_distr_r k l (f i)). Qed.

Definition array_module_mixin : ModuleSpace.mixin_of R_AbsRing array_group :=
  ModuleSpace.Mixin R_AbsRing array_group array_scal array_scal_assoc array_scal_one array_scal_plus_r array_scal_plus_l.

Definition array_aux : NormedModuleAux R_AbsRing :=
  NormedModuleAux.Pack R_AbsRing (I -> V)
    (NormedModuleAux.Class R_AbsRing (I -> V) (ModuleSpace.Class R_AbsRing (I -> V) array_mixin array_module_mixin)
      (UniformSpace.class (fct_UniformSpace I V))) (I -> V).

Definition array_norm (f : I -> V) : R := Sum I (fun i => norm (f i)).

Lemma array_norm_one (f : I -> V) i : norm (f i) <= array_norm f.
Proof.
  apply (total_one (elements I) (fun i => norm (f i))); [intro; apply norm_ge_0 | apply all_are_there].
Qed.

Let array_factor : R := (INR (length (elements I)) + 1) * @norm_factor _ V.

Lemma array_norm_triangle (f g : array_aux) : array_norm (plus f g) <= array_norm f + array_norm g.
Proof. unfold array_norm, Sum. rewrite <- total_plus. apply total_le. intro. apply norm_triangle. Qed.

Lemma array_norm_scal (k : R_AbsRing) (f : array_aux) : array_norm (scal k f) <= abs k * array_norm f.
Proof. unfold array_norm, Sum. rewrite <- total_scal. apply total_le. intro. apply (norm_scal k). Qed.

Lemma array_norm_near (f g : array_aux) (eps : R) : array_norm (minus g f) < eps -> ball f eps g.
Proof.
  intros H i. apply norm_compat1. eapply Rle_lt_trans; [| exact H].
  exact (array_norm_one (fun i => minus (g i) (f i)) i).
Qed.

Lemma array_near_norm (f g : array_aux) (eps : posreal) : ball f eps g -> array_norm (minus g f) < array_factor * eps.
Proof.
  intros H. unfold array_norm, array_factor, Sum.
  apply Rle_lt_trans with (total (elements I) (fun _ => @norm_factor _ V * eps)).
  - apply total_le. intro i. left. apply norm_compat2. apply (H i).
  - rewrite total_const. pose proof (@norm_factor_gt_0 _ V). pose proof (cond_pos eps).
    assert (0 < @norm_factor _ V * eps) by now apply Rmult_lt_0_compat. lra.
Qed.

Lemma array_norm_zero (f : array_aux) : array_norm f = 0 -> f = zero.
Proof.
  intros H. apply functional_extensionality. intro i. apply norm_eq_zero. apply Rle_antisym; [| apply norm_ge_0].
  rewrite <- H. apply array_norm_one.
Qed.

Definition array_norm_mixin : NormedModule.mixin_of R_AbsRing array_aux :=
  NormedModule.Mixin R_AbsRing array_aux array_norm array_factor
    array_norm_triangle array_norm_scal array_norm_near array_near_norm array_norm_zero.

Definition array_normed : NormedModule R_AbsRing :=
  NormedModule.Pack R_AbsRing (I -> V) (NormedModule.Class R_AbsRing (I -> V) _ array_norm_mixin) (I -> V).
End Arrays.

(** ** Spaces *)

Record Space := MakeSpace {
  space :> NormedModule R_AbsRing;
  dot : space -> space -> R;
  dot_comm : forall v w, dot v w = dot w v;
  dot_plus : forall u v w, dot (plus u v) w = dot u w + dot v w;
  dot_scal : forall k v w, dot (scal k v) w = k * dot v w;
  dot_positive : forall v, 0 <= dot v v;
  dot_definite : forall v, dot v v = 0 -> v = zero
}.

Arguments dot {_} _ _.

Section Numbers.
Let times (v w : R_NormedModule) : R := v * w.

Lemma times_comm v w : times v w = times w v.
Proof. apply Rmult_comm. Qed.

Lemma times_plus u v w : times (plus u v) w = times u w + times v w.
Proof. apply Rmult_plus_distr_r. Qed.

Lemma times_scal k v w : times (scal k v) w = k * times v w.
Proof. apply Rmult_assoc. Qed.

Lemma times_positive v : 0 <= times v v.
Proof. apply Rle_0_sqr. Qed.

Lemma times_definite v : times v v = 0 -> v = zero.
Proof. intros H. destruct (Rmult_integral _ _ H); assumption. Qed.

Definition Reals : Space :=
  MakeSpace R_NormedModule times times_comm times_plus times_scal times_positive times_definite.
End Numbers.

Section Pairs.
Variables V W : Space.
Let both : NormedModule R_AbsRing := prod_NormedModule R_AbsRing V W.
Let pair_dot (v w : both) : R := dot (fst v) (fst w) + dot (snd v) (snd w).

Lemma pair_dot_comm v w : pair_dot v w = pair_dot w v.
Proof. unfold pair_dot. now rewrite (dot_comm V), (dot_comm W). Qed.

Lemma pair_dot_plus u v w : pair_dot (plus u v) w = pair_dot u w + pair_dot v w.
Proof. unfold pair_dot. simpl. rewrite (dot_plus V), (dot_plus W). ring. Qed.

Lemma pair_dot_scal k v w : pair_dot (scal k v) w = k * pair_dot v w.
Proof. unfold pair_dot. simpl. rewrite (dot_scal V), (dot_scal W). ring. Qed.

Lemma pair_dot_positive v : 0 <= pair_dot v v.
Proof. unfold pair_dot. pose proof (dot_positive V (fst v)). pose proof (dot_positive W (snd v)). lra. Qed.

Lemma pair_dot_definite v : pair_dot v v = 0 -> v = zero.
Proof.
  destruct v as [v w]. unfold pair_dot. simpl. intros H. pose proof (dot_positive V v). pose proof (dot_positive W w).
  rewrite (dot_definite V v), (dot_definite W w) by lra. reflexivity.
Qed.

Definition Pair : Space :=
  MakeSpace both pair_dot pair_dot_comm pair_dot_plus pair_dot_scal pair_dot_positive pair_dot_definite.
End Pairs.

Section Elements.
Variables (I : Finite) (V : Space).
Let array_dot (v w : array_normed I V) : R := Sum I (fun i => dot (v i) (w i)).

Lemma array_dot_comm v w : array_dot v w = array_dot w v.
Proof. apply total_ext. intro. apply dot_comm. Qed.

Lemma array_dot_plus u v w : array_dot (plus u v) w = array_dot u w + array_dot v w.
Proof. unfold array_dot, Sum. rewrite <- total_plus. apply total_ext. intro. apply (dot_plus V). Qed.

Lemma array_dot_scal k v w : array_dot (scal k v) w = k * array_dot v w.
Proof. unfold array_dot, Sum. rewrite <- total_scal. apply total_ext. intro. apply (dot_scal V). Qed.

Lemma array_dot_positive v : 0 <= array_dot v v.
Proof.
  unfold array_dot, Sum. rewrite <- (total_zero (elements I) (fun _ => 0)) by reflexivity. apply total_le. intro.
  apply dot_positive.
Qed.

Lemma array_dot_definite v : array_dot v v = 0 -> v = zero.
Proof.
  intros H. apply functional_extensionality. intro i. apply dot_definite.
  apply Rle_antisym; [| apply dot_positive]. rewrite <- H.
  apply (total_one (elements I) (fun i => dot (v i) (v i))); [intro; apply dot_positive | apply all_are_there].
Qed.

Definition Array : Space :=
  MakeSpace (array_normed I V) array_dot array_dot_comm array_dot_plus array_dot_scal array_dot_positive array_dot_definite.
End Elements.

Definition nothing : Finite.
Proof. apply (MakeFinite Empty_set []); [intros [] | constructor | intros []]. Defined.

(** The space with one element. *)
Definition Zero : Space := Array nothing Reals.

Declare Scope space_scope.
Delimit Scope space_scope with space.
Bind Scope space_scope with Space.
Notation "V × W" := (Pair V W) (at level 40, left associativity) : space_scope.

(** The numbers 0, ..., n - 1 as a finite set: for any sizes T, D, H, B. *)

Fixpoint upto (n : nat) : Type := match n with O => Empty_set | S m => option (upto m) end.
Fixpoint list_upto (n : nat) : list (upto n) :=
  match n with O => [] | S m => None :: map Some (list_upto m) end.

Definition Numbers (n : nat) : Finite.
Proof.
  apply (MakeFinite (upto n) (list_upto n)).
  - induction n as [| n IH]; [intros [] | intros [i |]; simpl; [right; apply in_map, IH | left; reflexivity]].
  - induction n as [| n IH]; simpl; constructor.
    + rewrite in_map_iff. intros [i [H _]]. discriminate.
    + apply Injective_map_NoDup; [intros i k H; congruence | apply IH].
  - induction n as [| n IH]; [intros [] |]. simpl. decide equality.
Defined.
