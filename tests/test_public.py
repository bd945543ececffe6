"""What trueup promises to those who import it, and what importing costs them."""

import importlib
import json
import subprocess
import sys

import pytest

PUBLIC = {
    "types": """ALL_COHORTS BROKE LABELS Annotation AnnotationKind AnyOf Checkpoint Completion
        Example Expected Item ItemAnswer Label Message Messages Preference Question QuestionKind Run
        Score Span ToolCall Trace Verdict VerdictOutcome""",
    "errors": """AccessDenied AgreementTooLow DatasetError EvaluationError GateError InputError
        LeaseExpired LossNotFinite MissingExtra ModelError PromptTooLong QueueEmpty QueueError
        SignInError StoreBusy StoreError TraceRejected TrainingError TrueupError UnknownName
        VersionConflict VersionSealed""",
    "stats.ac1": "AC1 ac1_interval gwet_ac1",
    "stats.agreement": """Alpha AlphaInterval GroupDisagreement Level PatternCounts Patterns
        RaterReliability Ratings ValueCounts agrees_with_others bootstrap_interval
        disagreement_by_group krippendorff_alpha pair_agreement pattern_table raw_agreement
        raw_agreement_interval reviewer_reliability""",
    "stats.dawid_skene": "DawidSkene RaterSkill dawid_skene",
    "stats.distances": "masi_distances ranking_distances",
    "stats.drift": "PeriodRate RaterDrift rater_drift",
    "stats.flow": "balanced_subset",
    "stats.haste": "MIN_ITEMS MIN_LABELS HasteEffect haste_effects",
    "stats.intervals": """ASSUMED_ICC Estimate Spread estimate mean_interval measure_spread
        rate_interval tango_interval""",
    "stats.paired": """PairedDifference clusters_to_show holm minimum_detectable_effect
        paired_difference sign_flip_test""",
    "stats.pairs": "PairAgreement pairwise_agreement",
    "stats.pairwise": "Pairwise difference pairwise",
    "stats.position": "PositionBias PositionRate position_bias",
    "stats.prediction_powered": "PredictionPowered prediction_powered",
    "report.html": "render render_training",
    "store": "Store Tx content_hash default_store derived_id find_store new_id",
    "models": """Classifier Comparison EndpointSampler Grade Judge Judgement LoadedModel
        LocalSampler Rubric Sampler Usage Vote answer_text encode_completion encode_prompt
        file_hash folder_hash keep_freed_memory load_model load_reward_model reward_model
        save_model settings_hash state_hash""",
    "scoring": "Answered Evaluates Progress Workers score_answers",
    "datasets": "AddReport CohortEvaluation Dataset Evaluates Row check_name list_versions",
    "traces": """BadLine Exchange ImportResult build_trace import_file read_exchange read_traces
        record_of rejection spans_of trace_from_spans write_traces""",
    "evals": """DEFAULT EVALUATORS NOT_MEASURED RUBRICS AnswerRelevancy Answered Backend
        BiasDetection ContextRelevancy CustomEvaluation Evaluator Faithfulness FormatValidity
        Groundedness Hedging HumanAgreement InstructionFollowing JudgeAgreement Labelled
        LengthDrift Measured Pair Refusal Sycophancy TaskCompletion ToolSelectionAccuracy Toxicity
        calibrate calibrate_pairs evaluate_traces evaluator failed failing find_refusal
        find_stance has_pairs judge_pairs measured over_refused read_labelled read_pairs
        score_answer""",
    "evals.counterfactual": """Counterfactuals GroupDifference Variant compare_groups
        counterfactuals swap_groups treats_alike""",
    "evals.probes": """PROBES AnswerPair Assertion Bias Change Group Judged KeptAnswers Model
        OverRefusal PaddingPrompt ProbeResult Progress Rate RewardHacking SafetyPrompt Sycophancy
        Template read_xstest""",
    "queues": """MIN_RATED Activity Added Agreement AgreementReport AnnotationQueue Assignment
        AuditReport Claim Day EvidenceFile Export Feedback Format Haste ImportReport ItemContext
        LabelAgreement Match Matches NewItem Origin Overruled PreferenceSet QueueStats Reliability
        ReviewerAgreement RowFormat Settings Shape State Stream Submission Tool draw_weekly
        export_evidence list_queues parse_questions spell_questions""",
    "webhooks": """Network NewWebhook Sending Webhook add_webhook deliver list_webhooks networks_of
        remove_webhook resume_webhook try_webhook""",
    "people": """PERMISSIONS Actor ApiKey Identity Invitation Member NewKey
        PendingSignIn Permission Role SentInvitation Session accept add_member
        begin_sign_in cancel_invitation end_sessions first_invitation get_member invite
        key_owner list_invitations list_keys list_members list_sessions make_key may_see
        note_failed_sign_in permissions_of purge require revoke_key session_of
        set_member set_password sign_in sign_in_with sign_out take_sign_in""",
    "training": """CPT DPO IPO KTO METHODS ORPO SFT Method Recipe Reward SimPO Stage TrainResult
        read_examples run_recipe train weigh_by_agreement""",
    "training.trackers": "TRACKERS Log Progress Tracker track",
    "training.rewards": """Calibration CohortReward HeadReport LengthProbe RewardModel Rewards
        measure_rewards weigh_heads""",
    "training.advise": "Advice Evidence advise evidence_of",
    "release.replay": """Request Sample ScoreAnswer ScoredReplay check_versions find_replays
        load_replay load_replays replay""",
    "release.compare": "ALL METRICS Cell Metric compare is_right preferred significant",
    "release.margins": "Margin Margins load_margins",
    "release.gate": "Judged decide gate judge",
    "release.over_refusals": """NewRefusal NewRefusals new_refusals queue_refusals
        requests_of""",
    "release.lineage": """LABELS_SHOWN backward_tree draw forward_tree trace_back
        trace_forward""",
    "flywheel.config": "ROWS LoopConfig load_config",
    "flywheel.application": "Application RequestSet",
    "flywheel.context": "Events Found Silent Turn",
    "flywheel.workflow": "STATIONS run_turn",
    "demo.assistant": "ClaimsAssistant",
    "web": "Oidc Service create_app listen serve",
    "cli": "app main",
}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_names_are_these(name):
    module = importlib.import_module(f"trueup.{name}")
    assert module.__all__ == PUBLIC[name].split()
    assert all(hasattr(module, public) for public in module.__all__)


def test_only_models_and_training_load_torch_and_only_when_used():
    """Whoever labels, evaluates or gates has no need of the `train` extra."""
    code = """
import importlib, json, sys
loaded = {}
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
    loaded[name] = [m for m in ("torch", "transformers", "peft") if m in sys.modules]
print(json.dumps(loaded))
"""
    names = ["trueup", *(f"trueup.{name}" for name in PUBLIC)]
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(names)], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    assert {name: heavy for name, heavy in loaded.items() if heavy} == {}
