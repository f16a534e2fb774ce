(** Rules of calculus in the words of [Definitions]: what is composed, paired, made an array of. *)

From Coq Require Import Reals List Lra FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import Definitions.
Import ListNotations.
Open Scope R_scope.

(** ** The inner product *)

Section Dot.
Context {V : Space}.
Implicit Types u v w : V.

Lemma dot_plus_r u v w : dot w (plus u v) = dot w u + dot w v.
Proof. rewrite !(dot_comm V w). apply dot_plus. Qed.

Lemma dot_zero_l w : dot (zero : V) w = 0.
Proof. pose proof (dot_plus V zero zero w) as H. rewrite plus_zero_l in H. lra. Qed.

Lemma dot_zero_r w : dot w (zero : V) = 0.
Proof. rewrite dot_comm. apply dot_zero_l. Qed.

(** What has the same inner product with all vectors is the same. *)
Lemma dot_unique u v : (forall w, dot u w = dot v w) -> u = v.
Proof.
  intros H. assert (E : minus u v = zero).
  { apply (dot_definite V). unfold minus. rewrite dot_plus, H, <- dot_plus.
    change (plus v (opp v)) with (minus v v). rewrite minus_eq_zero. apply dot_zero_l. }
  rewrite <- (plus_zero_r u), <- (plus_opp_l v), plus_assoc. change (plus u (opp v)) with (minus u v).
  rewrite E. apply plus_zero_l.
Qed.
End Dot.

(** ** Sums *)

Lemma Sum_plus (I : Finite) f g : Sum I (fun i => f i + g i) = Sum I f + Sum I g.
Proof. apply total_plus. Qed.

Lemma Sum_scal (I : Finite) k f : Sum I (fun i => k * f i) = k * Sum I f.
Proof. apply total_scal. Qed.

Lemma Sum_scal_r (I : Finite) k f : Sum I (fun i => f i * k) = Sum I f * k.
Proof. rewrite Rmult_comm, <- Sum_scal. apply total_ext. intro. ring. Qed.

Lemma Sum_ext (I : Finite) f g : (forall i, f i = g i) -> Sum I f = Sum I g.
Proof. apply total_ext. Qed.

Lemma Sum_zero (I : Finite) f : (forall i, f i = 0) -> Sum I f = 0.
Proof. apply total_zero. Qed.

Lemma Sum_swap (I J : Finite) (f : I -> J -> R) : Σ i : I, Σ j : J, f i j = Σ j : J, Σ i : I, f i j.
Proof.
  unfold Sum. induction (elements I) as [| i l IH]; simpl.
  - symmetry. now apply total_zero.
  - rewrite IH. symmetry. apply total_plus.
Qed.

Lemma total_absent {T} (l : list T) f : (forall i, In i l -> f i = 0) -> total l f = 0.
Proof. induction l as [| i l IH]; simpl; intros H; [reflexivity |]. rewrite IH, H by auto. ring. Qed.

(** A sum in which only one term is not 0. *)
Lemma Sum_only (I : Finite) (k : I) (f : I -> R) : Σ i : I, (if same I i k then f i else 0) = f k.
Proof.
  unfold Sum. pose proof (all_are_there I k) as H. pose proof (each_once I) as N.
  induction (elements I) as [| i l IH]; simpl in *; [tauto |]. inversion N as [| ? ? Hi Hl]; subst.
  destruct H as [-> | H].
  - destruct (same I k k) as [_ | E]; [| now destruct E].
    rewrite total_absent; [ring |]. intros i Hin. destruct (same I i k) as [-> | _]; [tauto | reflexivity].
  - rewrite IH by assumption. destruct (same I i k) as [-> | _]; [tauto | ring].
Qed.

(** ** Differentials of arrays and sums *)

Lemma linear_at (I : Finite) (V : Space) (i : I) : is_linear (fun v : Array I V => v i : V).
Proof.
  split; [reflexivity | reflexivity |].
  exists 1. split; [lra |]. intro v. rewrite Rmult_1_l. exact (array_norm_one I V v i).
Qed.

(** A function into arrays is differentiated element by element. *)
Lemma filterdiff_array {U : NormedModule R_AbsRing} (I : Finite) (V : Space) (f l : U -> Array I V) (u : U) :
  (forall i, filterdiff (fun v => f v i : V) (locally u) (fun d => l d i : V)) -> filterdiff f (locally u) l.
Proof.
  intros Hi. split.
  - split.
    + intros v w. apply functional_extensionality. intro i. apply (linear_plus _ (proj1 (Hi i))).
    + intros k v. apply functional_extensionality. intro i. apply (linear_scal _ (proj1 (Hi i))).
    + assert (E : forall ls : list I, exists m, 0 <= m /\ forall x, total ls (fun i => norm (l x i : V)) <= m * norm x).
      { induction ls as [| i ls (m & Hm & IH)].
        - exists 0. split; [lra |]. intro x. simpl. rewrite Rmult_0_l. lra.
        - destruct (linear_norm _ (proj1 (Hi i))) as (k & Hk & Hn). exists (k + m). split; [lra |]. intro x. simpl.
          specialize (IH x). specialize (Hn x). lra. }
      destruct (E (elements I)) as (m & Hm & Hx). exists (m + 1). split; [lra |]. intro x.
      eapply Rle_trans; [apply Hx |]. pose proof (norm_ge_0 x). lra.
  - intros x Hx eps.
    assert (E : forall ls : list I, forall eps : posreal, locally u (fun y =>
        total ls (fun i => norm (minus (minus (f y i) (f x i)) (l (minus y x) i) : V)) <= eps * norm (minus y x))).
    { induction ls as [| i ls IH]; intro e.
      - apply filter_forall. intro y. simpl. apply Rmult_le_pos; [left; apply cond_pos | apply norm_ge_0].
      - generalize (filter_and _ _ (proj2 (Hi i) x Hx (pos_div_2 e)) (IH (pos_div_2 e))). apply filter_imp.
        intros y [H1 H2]. simpl in *. lra. }
    exact (E (elements I) eps).
Qed.

Section Differentials.
Context {U : NormedModule R_AbsRing} (u : U).
Implicit Types (f g lf lg : U -> R).

Lemma diff_plus f g lf lg : filterdiff f (locally u) lf -> filterdiff g (locally u) lg ->
  filterdiff (fun v => f v + g v) (locally u) (fun d => lf d + lg d).
Proof. exact (filterdiff_plus_fct f g lf lg). Qed.

Lemma diff_minus f g lf lg : filterdiff f (locally u) lf -> filterdiff g (locally u) lg ->
  filterdiff (fun v => f v - g v) (locally u) (fun d => lf d - lg d).
Proof. exact (filterdiff_minus_fct f g lf lg). Qed.

Lemma diff_mult f g lf lg : filterdiff f (locally u) lf -> filterdiff g (locally u) lg ->
  filterdiff (fun v => f v * g v) (locally u) (fun d => lf d * g u + f u * lg d).
Proof. intros Hf Hg. exact (filterdiff_mult_fct f g u lf lg Rmult_comm Hf Hg). Qed.

Lemma diff_const (k : R) : filterdiff (fun _ : U => k) (locally u) (fun _ => 0).
Proof. exact (filterdiff_const k). Qed.

Lemma diff_of (h : R -> R) f lf (k : R) : is_derive h (f u) k -> filterdiff f (locally u) lf ->
  filterdiff (fun v => h (f v)) (locally u) (fun d => k * lf d).
Proof.
  intros Hh Hf. eapply filterdiff_ext_lin; [exact (filterdiff_comp' f h u lf _ Hf Hh) |].
  intro d. simpl. unfold scal; simpl; unfold mult; simpl. ring.
Qed.

Lemma diff_Sum (I : Finite) (f l : I -> U -> R) : (forall i, filterdiff (f i) (locally u) (l i)) ->
  filterdiff (fun v => Σ i : I, f i v) (locally u) (fun d => Σ i : I, l i d).
Proof.
  intros H. unfold Sum. induction (elements I) as [| i ls IH]; simpl; [apply diff_const |].
  exact (diff_plus (f i) _ (l i) _ (H i) IH).
Qed.

Lemma diff_linear {V : NormedModule R_AbsRing} (l : U -> V) : is_linear l -> filterdiff l (locally u) l.
Proof. apply filterdiff_linear. Qed.
End Differentials.

Section Pairs.
Context {U : NormedModule R_AbsRing} {V W : Space} (u : U).

Lemma diff_pair (f : U -> V) (g : U -> W) lf lg : filterdiff f (locally u) lf -> filterdiff g (locally u) lg ->
  filterdiff (fun v => (f v, g v) : Pair V W) (locally u) (fun d => (lf d, lg d)).
Proof.
  intros Hf Hg. apply (filterdiff_comp'_2 f g (fun w z => (w, z)) u lf lg (fun w z => (w, z)) Hf Hg).
  apply filterdiff_linear. apply is_linear_prod; [apply is_linear_fst | apply is_linear_snd].
Qed.

Lemma diff_fst (f : U -> Pair V W) lf : filterdiff f (locally u) lf ->
  filterdiff (fun v => fst (f v)) (locally u) (fun d => fst (lf d)).
Proof. intros Hf. apply (filterdiff_comp' f fst u lf fst Hf). apply filterdiff_linear, is_linear_fst. Qed.

Lemma diff_snd (f : U -> Pair V W) lf : filterdiff f (locally u) lf ->
  filterdiff (fun v => snd (f v)) (locally u) (fun d => snd (lf d)).
Proof. intros Hf. apply (filterdiff_comp' f snd u lf snd Hf). apply filterdiff_linear, is_linear_snd. Qed.

Lemma diff_at (I : Finite) (f : U -> Array I V) lf (i : I) : filterdiff f (locally u) lf ->
  filterdiff (fun v => f v i : V) (locally u) (fun d => lf d i : V).
Proof.
  intros Hf. apply (filterdiff_comp' f (fun w : Array I V => w i : V) u lf
    (fun w : Array I V => w i : V) Hf). apply filterdiff_linear, linear_at.
Qed.
End Pairs.

(** Differentiates what is a component, however deep. *)
Ltac component :=
  lazymatch goal with
  | |- filterdiff (fun v => fst (@?f v)) _ (fun d => fst (@?l d)) => apply (diff_fst _ f l); component
  | |- filterdiff (fun v => snd (@?f v)) _ (fun d => snd (@?l d)) => apply (diff_snd _ f l); component
  | |- filterdiff fst _ _ => exact (filterdiff_linear _ is_linear_fst)
  | |- filterdiff snd _ _ => exact (filterdiff_linear _ is_linear_snd)
  | |- filterdiff (fun v => v) _ _ => exact (filterdiff_id _)
  end.

(** ** Transposed derivatives *)

Section Transposed.
Context {V W Z : Space}.

Lemma transposed_id (v : V) : transposed (fun v => v) v (fun d => d).
Proof. exists (fun d => d). split; [apply filterdiff_id | reflexivity]. Qed.

Lemma transposed_const (w : W) (v : V) : transposed (fun _ => w) v (fun _ => zero).
Proof.
  exists (fun _ => zero). split; [apply filterdiff_const |]. intros. rewrite dot_zero_r. symmetry. apply dot_zero_l.
Qed.

Lemma transposed_ext (f : V -> W) v b b' : transposed f v b -> (forall d, b d = b' d) -> transposed f v b'.
Proof. intros (D & Hf & Hb) E. exists D. split; [exact Hf |]. intros. rewrite Hb, E. reflexivity. Qed.

Lemma transposed_ext_fun (f g : V -> W) v b : (forall v, f v = g v) -> transposed f v b -> transposed g v b.
Proof. intros E (D & Hf & Hb). exists D. split; [| exact Hb]. exact (filterdiff_ext f g D E Hf). Qed.

(** The chain rule: the way back takes the functions in reverse order. *)
Lemma transposed_comp (f : V -> W) (g : W -> Z) v bf bg :
  transposed f v bf -> transposed g (f v) bg -> transposed (fun v => g (f v)) v (fun d => bf (bg d)).
Proof.
  intros (Df & Hf & Af) (Dg & Hg & Ag). exists (fun d => Dg (Df d)). split.
  - exact (filterdiff_comp' f g v Df Dg Hf Hg).
  - intros. rewrite Ag, Af. reflexivity.
Qed.

(** What is read twice gets the sum of what comes back from both: every += is a sum over paths. *)
Lemma transposed_pair (f : V -> W) (g : V -> Z) v bf bg :
  transposed f v bf -> transposed g v bg ->
  transposed (W := Pair W Z) (fun v => (f v, g v)) v (fun d => plus (bf (fst d)) (bg (snd d))).
Proof.
  intros (Df & Hf & Af) (Dg & Hg & Ag). exists (fun d => (Df d, Dg d)). split.
  - apply (filterdiff_comp'_2 f g (fun w z => (w, z)) v Df Dg (fun w z => (w, z)) Hf Hg).
    apply filterdiff_linear. apply is_linear_prod; [apply is_linear_fst | apply is_linear_snd].
  - intros d e. simpl. rewrite Af, Ag. symmetry. apply (dot_plus V).
Qed.

Lemma transposed_fst (v : Pair V W) : transposed (fun v : Pair V W => fst v) v (fun d => (d, zero)).
Proof.
  exists fst. split; [apply filterdiff_linear, is_linear_fst |]. intros. simpl.
  rewrite (dot_zero_l (V := W)). symmetry. apply Rplus_0_r.
Qed.

Lemma transposed_snd (v : Pair V W) : transposed (fun v : Pair V W => snd v) v (fun d => (zero, d)).
Proof.
  exists snd. split; [apply filterdiff_linear, is_linear_snd |]. intros. simpl.
  rewrite (dot_zero_l (V := V)). symmetry. apply Rplus_0_l.
Qed.

Lemma gradient_comp (f : V -> W) (L : W -> R) v b g :
  transposed f v b -> gradient L (f v) g -> gradient (fun v => L (f v)) v (b g).
Proof.
  intros (D & Hf & Hb) HL. unfold gradient.
  eapply filterdiff_ext_lin; [exact (filterdiff_comp' f (L : W -> Reals) v D _ Hf HL) |].
  intro d. apply Hb.
Qed.
End Transposed.

(** The way back is linear where it is a transposed derivative: it adds what it is given. *)
Lemma transposed_plus {V W : Space} (f : V -> W) v b : transposed f v b ->
  forall d e, b (plus d e) = plus (b d) (b e).
Proof.
  intros (D & _ & Hb) d e. apply dot_unique. intro w. rewrite dot_plus, <- !Hb. apply dot_plus.
Qed.

Lemma transposed_zero {V W : Space} (f : V -> W) v b : transposed f v b -> b zero = zero.
Proof. intros (D & _ & Hb). apply dot_unique. intro w. rewrite <- Hb, !dot_zero_l. reflexivity. Qed.

(** ** The functions of one unit *)

Lemma derive_tanh x : is_derive tanh x (1 - tanh x * tanh x).
Proof.
  assert (C : cosh x <> 0).
  { unfold cosh. pose proof (exp_pos x). pose proof (exp_pos (- x)). lra. }
  assert (E : is_derive (fun y => sinh y / cosh y) x ((cosh x * cosh x - sinh x * sinh x) / cosh x ^ 2)).
  { apply (is_derive_div sinh cosh).
    - apply is_derive_Reals, derivable_pt_lim_sinh.
    - apply is_derive_Reals, derivable_pt_lim_cosh.
    - exact C. }
  unfold tanh. replace (1 - sinh x / cosh x * (sinh x / cosh x)) with
    ((cosh x * cosh x - sinh x * sinh x) / cosh x ^ 2) by (field; exact C).
  exact E.
Qed.

Lemma derive_sigmoid x : is_derive sigmoid x (sigmoid x * (1 - sigmoid x)).
Proof.
  assert (T : is_derive (fun y => tanh (y / 2)) x (/ 2 * (1 - tanh (x / 2) * tanh (x / 2)))).
  { apply (is_derive_comp tanh (fun y => y / 2)); [apply derive_tanh |].
    apply (is_derive_ext (fun y => / 2 * y)); [intro; unfold Rdiv; apply Rmult_comm |].
    pose proof (is_derive_scal (fun y => y) x (/ 2) 1 (is_derive_id x)) as H. rewrite Rmult_1_r in H. exact H. }
  pose proof (is_derive_scal _ x (/ 2) _ (is_derive_plus (fun _ => 1) _ x _ _ (is_derive_const 1 x) T)) as H.
  unfold sigmoid. replace ((1 + tanh (x / 2)) / 2 * (1 - (1 + tanh (x / 2)) / 2)) with
    (/ 2 * (0 + / 2 * (1 - tanh (x / 2) * tanh (x / 2)))) by field.
  refine (is_derive_ext _ _ _ _ _ H). intro y. unfold plus; simpl. unfold Rdiv. ring.
Qed.

Lemma sigmoid_between x : 0 < sigmoid x < 1.
Proof.
  unfold sigmoid, tanh, sinh, cosh. pose proof (exp_pos (x / 2)). pose proof (exp_pos (- (x / 2))).
  assert (E : (1 + (exp (x / 2) - exp (- (x / 2))) / 2 / ((exp (x / 2) + exp (- (x / 2))) / 2)) / 2 =
    exp (x / 2) / (exp (x / 2) + exp (- (x / 2)))) by (field; lra).
  rewrite E. split.
  - apply Rdiv_lt_0_compat; lra.
  - apply Rmult_lt_reg_r with (exp (x / 2) + exp (- (x / 2))); [lra |].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Lemma derive_inverse x : x <> 0 -> is_derive Rinv x (- (/ x * / x)).
Proof.
  intros H. replace (- (/ x * / x)) with (- 1 / x ^ 2) by (field; exact H).
  exact (is_derive_inv (fun y => y) x 1 (is_derive_id x) H).
Qed.

(** Over 0 the square root has a derivative, and is what its square says. *)
Lemma derive_sqrt x : 0 < x -> is_derive sqrt x (/ (2 * sqrt x)).
Proof. intro H. apply is_derive_Reals, derivable_pt_lim_sqrt, H. Qed.

Lemma root_of x : 0 < x -> 0 < sqrt x /\ sqrt x * sqrt x = x.
Proof. intro H. split; [apply sqrt_lt_R0, H | apply sqrt_sqrt; lra]. Qed.

(** Away from 0 the step function is constant. *)
Lemma derive_positive x : x <> 0 -> is_derive positive x 0.
Proof.
  intros H.
  apply (is_derive_ext_loc (fun _ => positive x)); [| apply (is_derive_const (positive x))].
  assert (P : 0 < Rabs x) by now apply Rabs_pos_lt.
  exists (mkposreal _ P). intros y B.
  assert (B' : Rabs (y - x) < Rabs x) by exact B.
  unfold positive. destruct (Rlt_dec 0 x), (Rlt_dec 0 y); try reflexivity; exfalso; revert B';
    unfold Rabs; repeat destruct Rcase_abs; lra.
Qed.
