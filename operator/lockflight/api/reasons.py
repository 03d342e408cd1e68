"""Every condition type, gate name and reason in one place: people search for them, programs match on them."""

# Condition types
READY = "Ready"
SUCCEEDED = "Succeeded"
RECONCILING = "Reconciling"
STALLED = "Stalled"
APPROVED = "Approved"
AUTHORIZED = "Authorized"
BASE_CHANGED = "BaseChanged"
CONFIGURATION_PENDING = "ConfigurationPending"
ADMISSION_IN_FORCE = "AdmissionInForce"
AS_APPLIED = "AsApplied"
DRIFTED = "Drifted"
GLASS_BROKEN = "GlassBroken"
BACK_MERGED = "BackMerged"
ACCESS_AS_DECLARED = "AccessAsDeclared"

# Gates, in the order in which they are shown
BINDING = "Binding"
RULES = "Rules"
ORDER = "Order"
SOAK = "Soak"
SOURCE = "Source"
ARTIFACTS = "Artifacts"
EVIDENCE = "Evidence"
HOLD = "Hold"
VERSION = "Version"
REQUIRES = "Requires"
CADENCE = "Cadence"
FREEZE = "Freeze"
CHANGE_WINDOW = "ChangeWindow"
CHANGE_CONTROL = "ChangeControl"
STANDARD_PATTERN = "StandardPattern"
RISK = "Risk"
ROLLBACK_PLAN = "RollbackPlan"
REVIEW_DEBT = "ReviewDebt"
DATA_POLICY = "DataPolicy"
ACCESS_LADDER = "AccessLadder"
CONCURRENCY = "Concurrency"
DRIFT = "Drift"
ADMISSION = "Admission"

GATES = (
    BINDING,
    RULES,
    ORDER,
    SOAK,
    SOURCE,
    ARTIFACTS,
    EVIDENCE,
    HOLD,
    VERSION,
    REQUIRES,
    CADENCE,
    FREEZE,
    CHANGE_WINDOW,
    CHANGE_CONTROL,
    STANDARD_PATTERN,
    RISK,
    ROLLBACK_PLAN,
    REVIEW_DEBT,
    DATA_POLICY,
    ACCESS_LADDER,
    CONCURRENCY,
    DRIFT,
    ADMISSION,
)
"""Every gate. A promotion starts only when each of them was judged and is open."""

# Reasons of gates. What each means, and what to do, is in docs/gates/.
PASSED = "Passed"
NOT_APPLICABLE = "NotApplicable"
CANNOT_TELL = "CannotTell"
BYPASSED = "Bypassed"
RELEASE_MISSING = "ReleaseMissing"
ENVIRONMENT_MISSING = "EnvironmentMissing"
PLAN_MISSING = "PlanMissing"

NAMESPACE_MISSING = "NamespaceMissing"
NAMESPACE_TERMINATING = "NamespaceTerminating"
NAMESPACE_NOT_BOUND = "NamespaceNotBound"
NAMESPACE_BOUND_ELSEWHERE = "NamespaceBoundElsewhere"
DEPLOYER_WITHOUT_RIGHTS = "DeployerWithoutRights"
UNMANAGED = "Unmanaged"
CLAIMED = "Claimed"

NOT_GOVERNED = "NotGoverned"
RULE_APPROVALS_MISSING = "RuleApprovalsMissing"
RULES_REJECTED = "RulesRejected"
RETIRED = "Retired"

ENTRY = "Entry"
RELEASE_NOT_READY = "ReleaseNotReady"
UPSTREAM_MISSING = "UpstreamMissing"
UPSTREAM_IS_LOCAL = "UpstreamIsLocal"
UPSTREAM_RETIRED = "UpstreamRetired"
NOT_PASSED = "NotPassed"
WITHDRAWN_UPSTREAM = "WithdrawnUpstream"
REJECTED_UPSTREAM = "RejectedUpstream"
NEVER_VERIFIED_HERE = "NeverVerifiedHere"

SOAKING = "Soaking"
NOT_SOAKING = "NotSoaking"

BRANCH_NOT_ALLOWED = "BranchNotAllowed"
NOT_TAGGED = "NotTagged"

CHART_NOT_PINNED = "ChartNotPinned"
IMAGE_NOT_PINNED = "ImageNotPinned"
FOREIGN_IMAGE = "ForeignImage"
BASE_MISSING = "BaseMissing"
OTHER_BYTES = "OtherBytes"

EVIDENCE_MISSING = "EvidenceMissing"
EVIDENCE_FAILED = "EvidenceFailed"
EVIDENCE_UNSIGNED = "EvidenceUnsigned"

RELEASE_HELD = "ReleaseHeld"
CHANGE_HELD = "ChangeHeld"
ENVIRONMENT_HELD = "EnvironmentHeld"
APPLICATION_HELD = "ApplicationHeld"

DOWNGRADE = "Downgrade"
NOT_A_HOTFIX = "NotAHotfix"
NOT_WHAT_RUNS = "NotWhatRuns"
HOTFIX_NOT_INCLUDED = "HotfixNotIncluded"

REQUIREMENT_MISSING = "RequirementMissing"
REQUIREMENT_NOT_MET = "RequirementNotMet"
REQUIREMENT_NOT_VERIFIED = "RequirementNotVerified"
REQUIREMENT_CHANGING = "RequirementChanging"
REQUIREMENT_IGNORED = "RequirementIgnored"
REQUIRED_OTHERWISE = "RequiredOtherwise"
REQUIRED_HERE = "RequiredHere"
NOT_TESTED_TOGETHER = "NotTestedTogether"

CALENDAR_MISSING = "CalendarMissing"
CALENDAR_INVALID = "CalendarInvalid"
TRAIN_UNKNOWN = "TrainUnknown"
TRAIN_NOT_DUE = "TrainNotDue"
TRAIN_MISSED = "TrainMissed"
LEAD_TIME = "LeadTime"

FREEZE_ACTIVE = "FreezeActive"
FREEZE_AHEAD = "FreezeAhead"
FREEZE_INVALID = "FreezeInvalid"

WINDOW_MISSING = "WindowMissing"
WINDOW_INVALID = "WindowInvalid"
WINDOW_CLOSED = "WindowClosed"
SCHEDULE_NOT_BEGUN = "ScheduleNotBegun"
SCHEDULE_OVER = "ScheduleOver"

BACK_OUT = "BackOut"
BACK_OUT_NOT_COVERED = "BackOutNotCovered"
NO_CHANGE = "NoChange"
CHANGE_MISSING = "ChangeMissing"
AMBIGUOUS_CHANGE = "AmbiguousChange"
CHANGE_FOR_ANOTHER_RELEASE = "ChangeForAnotherRelease"
CHANGE_FOR_ANOTHER_ACTION = "ChangeForAnotherAction"
CHANGE_FOR_OTHER_ENVIRONMENTS = "ChangeForOtherEnvironments"
CHANGE_TYPE_NOT_ALLOWED = "ChangeTypeNotAllowed"
SEVERITY_NOT_ALLOWED = "SeverityNotAllowed"
INCIDENT_IN_FUTURE = "IncidentInFuture"
CHANGE_ENDED = "ChangeEnded"
CHANGE_REJECTED = "ChangeRejected"
CREATOR_UNKNOWN = "CreatorUnknown"
PLAN_CHANGED = "PlanChanged"
APPROVALS_MISSING = "ApprovalsMissing"
APPROVAL_EXPIRED = "ApprovalExpired"
APPROVAL_USED = "ApprovalUsed"
ATTEMPTS_EXHAUSTED = "AttemptsExhausted"

STANDARD_CHANGE_MISSING = "StandardChangeMissing"
CATALOGUE_APPROVALS_MISSING = "CatalogueApprovalsMissing"
CATALOGUE_REJECTED = "CatalogueRejected"
STANDARD_CHANGE_OVER = "StandardChangeOver"
STANDARD_CHANGE_SUSPENDED = "StandardChangeSuspended"
PATTERN_EXCEEDED = "PatternExceeded"
NOTHING_TO_COMPARE = "NothingToCompare"

ASSESSMENT_MISSING = "AssessmentMissing"

NO_ROLLBACK_PLAN = "NoRollbackPlan"
STEPS_MISSING = "StepsMissing"
FIRST_DEPLOYMENT = "FirstDeployment"
NOT_FIRST_DEPLOYMENT = "NotFirstDeployment"
NOTHING_TO_RETURN_TO = "NothingToReturnTo"
IRREVERSIBLE = "Irreversible"

DEBT_OVERDUE = "DebtOverdue"

DATA_CLASS_NOT_ALLOWED = "DataClassNotAllowed"
DATA_LABEL_NOT_ALLOWED = "DataLabelNotAllowed"
DATA_LABEL_CONTRADICTS = "DataLabelContradicts"
DATA_LABEL_UNKNOWN = "DataLabelUnknown"

ACCESS_ABOVE_CEILING = "AccessAboveCeiling"
ACCESS_ABOVE_UPSTREAM = "AccessAboveUpstream"
OPERATIONS_RELEASE = "OperationsRelease"

TARGET_BUSY = "TargetBusy"
AFTER_PEER = "AfterPeer"
HELM_LOCKED = "HelmLocked"

DRIFT_FOUND = "DriftFound"
DRIFT_CHANGED = "DriftChanged"
TAKEN_OVER = "TakenOver"
PUT_BACK = "PutBack"

POLICIES_NOT_IN_FORCE = "PoliciesNotInForce"
SELF_TEST_PENDING = "SelfTestPending"
IN_FORCE = "InForce"
UNCHANGED = "Unchanged"
CHANGED = "Changed"

# Reasons of a promotion's condition Succeeded while it is carried out, beside those of the gates
DEPLOYING = "Deploying"
TAKING_BACK = "TakingBack"
ABORTING = "Aborting"
REMOVING = "Removing"
UPSTREAM_WITHDRAWN = "UpstreamWithdrawn"
AWAITING_VERIFICATION = "AwaitingVerification"
AWAITING_SIGN_OFF = "AwaitingSignOff"
SIGN_OFF_REJECTED = "SignOffRejected"

# Reasons of promotions that end before they start
ABORTED = "Aborted"
SUPERSEDED = "Superseded"

# Reasons of changes
REJECTED = "Rejected"
CANCELLED = "Cancelled"
NO_PLAN = "NoPlan"
NOT_AUTHORISED = "NotAuthorized"
NOT_SUBMITTED = "NotSubmitted"
ILLEGAL_STEP = "IllegalStep"
UNAUTHORISED = "Unauthorised"
NO_APPROVAL_RULE = "NoApprovalRule"
IN_IMPLEMENTATION = "InImplementation"
IMPLEMENTED = "Implemented"
OWED = "Owed"
CLOSED = "Closed"

# Reasons of a hotfix's condition BackMerged
MERGED = "Merged"
BACK_MERGE_DUE = "BackMergeDue"
BACK_MERGE_OVERDUE = "BackMergeOverdue"

# Reasons of rule objects
COUNTS_AT_ONCE = "CountsAtOnce"

# Reasons of the condition AccessAsDeclared
AS_DECLARED = "AsDeclared"
FOREIGN_ACCESS = "ForeignAccess"

# Events of environments
GLASS_MENDED = "GlassMended"

# Reasons of plans that cannot be made
CLUSTER_SCOPED = "ClusterScoped"
FOREIGN_NAMESPACE = "ForeignNamespace"
HELM_RECORD = "HelmRecord"
NOTHING_TO_REMOVE = "NothingToRemove"
NOT_WHAT_IS_THERE = "NotWhatIsThere"
NOT_CANONICAL = "NotCanonical"
