"""People's lists in status: who may append what. One text, generated for each row of one table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lockflight.admission.manifest import OPERATOR, Check, Match, literal, mutating, validating
from lockflight.api.common import CANARY, CREATOR_ANNOTATION, EDITORS_ANNOTATION, GROUP, INDEPENDENCE_LABEL
from lockflight.api.evidence import MOST_WORDS
from lockflight.api.governance import LONGEST as LONGEST_OF_RULES

LONGEST = 32
"""Entries a list may hold, as in the CRDs."""
RELAYED = 16
"""Entries that one account may add, a relay or a pipeline: many speak through it, and yet it cannot fill the list."""
PER_PERSON = 4
"""Entries one person may add to one generation: enough to change one's mind, too few to fill the list."""


@dataclass(frozen=True, slots=True)
class PeopleList:
    """A list in status that people write: where it stands and which right an entry takes."""

    plural: str
    short: str
    field: str
    verb: str
    doing: str
    """What adding an entry is called in a sentence: you may not … as 'cab'."""
    resource: str
    """The virtual resource; the entry's role is the name."""
    plan: tuple[str, ...]
    """Where status holds the digest of the plan that an entry binds to."""
    creator_known: bool
    """Whether the object must bear its creator. The operator's own promotions bear none where nothing stamps."""
    demands_plan: str = ""
    """The field of status that says, where true, that an entry must name its plan itself; empty: there is none."""
    deputies: bool = False
    """Whether an entry may be written for somebody else, by a deputy or a relay account (``onBehalfOf``)."""
    independent: bool = False
    """Whether a stack may ask that those who put something forward do not approve there."""
    ripe: str = ""
    """The phase in which alone a yes may be given; empty: any. A no is welcome at any time."""
    not_ripe: str = ""
    """What to do when it is not ripe."""
    yes: str = "variables.entry.?decision.orValue('') == 'Approved'"
    """Whether an entry speaks for the object: four eyes bind those. A list without decisions: every entry does."""
    sample: str = '"decision":"Approved"'
    """What an entry says besides its role, in the command that is shown to people."""
    own: str = ""
    """Who besides creator, requester and editors may not add such an entry: an expression that is true of the user."""
    own_text: str = ""
    put_forward: bool = False
    """Whether what a robot created takes a person's submission first."""
    apart: bool = False
    """Whether those who may create releases or promotions never approve it, whatever the stack asks for."""
    longest: int = LONGEST
    """Entries the list may hold, as in the CRD."""
    robots: bool = False
    """Whether service accounts may add an entry: not where somebody decides."""
    open: str = ""
    """When alone an entry may be added at all: an expression."""
    not_open: str = ""
    waived: str = ""
    """When an entry is a waiver, an expression: then it takes waive on approvalroles/<role>, and a person."""
    named: str = "role"
    """The key of the entry that names the virtual resource."""
    binds: str = "planDigest"
    """The key of the entry that holds what it binds to."""
    frozen: bool = False
    """What it binds to never changes once it is there, whatever generation the operator looked at."""


LISTS = (
    PeopleList(
        plural="changerequests",
        short="lfchg",
        field="approvals",
        verb="approve",
        doing="approve",
        resource="approvalroles",
        plan=("planDigest",),
        creator_known=True,
        demands_plan="planDigestDemanded",
        deputies=True,
        independent=True,
        own="variables.submissions.exists(s, s.?by.orValue('') == variables.user)",
        own_text="submitted",
        put_forward=True,
    ),
    PeopleList(
        plural="changerequests",
        short="lfchg",
        field="submissions",
        verb="submit",
        doing="submit",
        resource="approvalroles",
        plan=(),
        creator_known=False,
        yes="false",
        sample='"comment":"…"',
    ),
    PeopleList(
        plural="changerequests",
        short="lfchg",
        field="review",
        verb="review",
        doing="review",
        resource="approvalroles",
        plan=(),
        creator_known=False,
        ripe="Review",
        not_ripe="review when it is Review, done as far as it goes",
        yes="true",
        sample='"outcome":"Successful","summary":"…"',
        own="oldObject.?spec.?implementer.orValue('') == variables.user || variables.submissions.exists(s, "
        "s.?by.orValue('') == variables.user) || variables.was.?findings.orValue([]).exists(f, "
        "f.?changedBy.orValue('') == variables.user)",
        own_text="submitted, implemented",
    ),
    PeopleList(
        plural="standardchanges",
        short="lfstd",
        field="approvals",
        verb="approve",
        doing="approve",
        resource="approvalroles",
        plan=("planDigest",),
        creator_known=True,
    ),
    *(
        PeopleList(
            plural=plural,
            short=short,
            field="approvals",
            verb="approve",
            doing="approve",
            resource="approvalroles",
            plan=("planDigest",),
            creator_known=True,
            apart=True,
            longest=LONGEST_OF_RULES,
        )
        for plural, short in (("environments", "lfenv"), ("freezewindows", "lffw"), ("releasecalendars", "lfcal"))
    ),
    PeopleList(
        plural="promotions",
        short="lfpromo",
        field="signOffs",
        verb="sign-off",
        doing="sign off",
        resource="approvalroles",
        plan=("plan", "digest"),
        creator_known=False,
        ripe="AwaitingSignOff",
        not_ripe="sign off when it is AwaitingSignOff, applied and verified; nobody vouches for what he could not try",
    ),
    PeopleList(
        plural="promotions",
        short="lfpromo",
        field="attestations",
        verb="attest",
        doing="attest",
        resource="evidencetypes",
        plan=("plan", "digest"),
        creator_known=False,
        yes="false",
        sample='"step":"…","result":"Passed"',
        robots=True,
        open="has(variables.entry.verification) ? variables.was.?phase.orValue('') == 'AwaitingVerification' && "
        "variables.was.?verification.orValue([]).exists(v, v.name == string(variables.entry.verification) && "
        "v.state == 'Running' && has(v.role)) : "
        "variables.was.?steps.orValue([]).exists(s, s.name == string(variables.entry.?step.orValue('')) && "
        "s.state == 'Authorized')",
        not_open="has(variables.entry.verification) ? 'verification \\'' + string(variables.entry.verification) + "
        "'\\' is not open: say how it went while the promotion is AwaitingVerification and status.verification says "
        "Running' : 'step \\'' + string(variables.entry.?step.orValue('')) + '\\' is not open: say how it went when "
        "status.steps says Authorized'",
    ),
    PeopleList(
        plural="releases",
        short="lfrel",
        field="evidence",
        verb="attest",
        doing="attest",
        resource="evidencetypes",
        plan=("digest",),
        creator_known=True,
        yes="variables.waives",
        sample='"result":"Passed"',
        longest=MOST_WORDS,
        robots=True,
        waived="variables.entry.?result.orValue('') == 'NotApplicable' || has(variables.entry.role)",
        named="type",
        binds="releaseDigest",
        frozen=True,
    ),
)


def _variables(row: PeopleList) -> dict[str, str]:
    plan = "".join(f".?{step}" for step in row.plan)
    return {
        "user": "request.userInfo.?username.orValue('')",
        "groups": "request.userInfo.?groups.orValue([])",
        "operator": f"variables.user == {literal(OPERATOR)}",
        "was": "oldObject.?status.orValue({})",
        "becomes": "object.?status.orValue({})",
        "old": f"variables.was.?{row.field}.orValue([])",
        "new": f"variables.becomes.?{row.field}.orValue([])",
        "added": "size(variables.new) > size(variables.old)",
        "entry": "variables.added ? variables.new[size(variables.old)] : {}",
        "waives": row.waived or "false",
        "role": (
            f"string(variables.waives ? variables.entry.?role.orValue('') : variables.entry.?{row.named}.orValue(''))"
            if row.waived
            else f"string(variables.entry.?{row.named}.orValue(''))"
        ),
        "resource": f"variables.waives ? 'approvalroles' : {literal(row.resource)}",
        "judged": "variables.added && !variables.operator",
        "approves": f"variables.judged && ({row.yes})",
        "submissions": "variables.was.?submissions.orValue([])",
        "plan": f"variables.was{plan}.orValue('')",
        # An entry without a plan gets the current one, unless it has to say itself which one was seen.
        "filled": f"!variables.approves || !variables.was.?{row.demands_plan}.orValue(false)"
        if row.demands_plan
        else "true",
        "generation": "oldObject.metadata.generation",
        "name": "oldObject.metadata.name",
        "stack": "request.?namespace.orValue('')",
        "annotations": "oldObject.metadata.?annotations.orValue({})",
        "creator": f"variables.annotations[?{literal(CREATOR_ANNOTATION)}].orValue('')",
        "editors": f"variables.annotations[?{literal(EDITORS_ANNOTATION)}].orValue('').split('\\n')",
        "robot": (
            "variables.user.startsWith('system:serviceaccount:') || "
            "variables.groups.exists(g, g == 'system:serviceaccounts')"
        ),
        "principal": "string(variables.entry.?onBehalfOf.orValue(''))",
        "verb": (
            f"variables.principal == '' ? '{row.verb}' : variables.robot ? 'relay' : 'deputize'"
            if row.deputies
            else f"variables.waives ? 'waive' : '{row.verb}'"
            if row.waived
            else f"'{row.verb}'"
        ),
        "byFunction": (f"namespaceObject.metadata.?labels[?{literal(INDEPENDENCE_LABEL)}].orValue('') == 'Function'"),
        "requester": "oldObject.?spec.?requestedBy.orValue('')",
        "how": (
            f"'kubectl -n ' + variables.stack + ' patch {row.short} ' + variables.name + "
            f'\' --subresource=status --type=json -p \\\'[{{"op":"add","path":"/status/{row.field}/-",'
            f'"value":{{"{row.named}":"…",{row.sample}}}}}]\\\'\''
        ),
    }


def _resource(row: PeopleList) -> str:
    """The virtual resource that the entry's right is for, as a CEL expression."""
    return "variables.resource" if row.waived else literal(row.resource)


def _check(resource: str, verb: str) -> str:
    """Whether the requester holds ``verb`` on the ``resource``, CEL expressions, named like the entry's role."""
    return (
        f"authorizer.group('{GROUP}').resource({resource}).namespace(variables.stack)"
        f".name(variables.role).check({verb}).allowed()"
    )


def _puts_forward(resource: str) -> str:
    return f"authorizer.group('{GROUP}').resource('{resource}').namespace(variables.stack).check('create').allowed()"


def _shape(row: PeopleList) -> Iterator[Check]:
    yield Check(
        "!variables.operator || variables.old == variables.new",
        f"'status.{row.field} belongs to people: the operator never writes it'",
        "Forbidden",
    )
    theirs = [other.field for other in LISTS if other.plural == row.plural]
    if row.field == theirs[0]:
        # Once for each kind: what is beside all its lists.
        ours = f"k in [{', '.join(map(literal, theirs))}]"
        yield Check(
            f"variables.operator || (variables.becomes.all(k, {ours} || variables.was[?k] == "
            f"optional.of(variables.becomes[k])) && variables.was.all(k, {ours} || k in variables.becomes))",
            f"'in status people write only {', '.join(theirs)}; everything else there is the operator\\'s. "
            "Append with: ' + variables.how",
            "Forbidden",
        )
    yield Check(
        f"[{', '.join(map(str, range(row.longest)))}].all(i, i >= size(variables.old) || "
        "i < size(variables.new) && variables.old[i] == variables.new[i])",
        "'entries are never changed, moved or removed; to take yours back append one with the "
        f"{'result' if row.waived else 'decision'} Withdrawn. "
        "Append with: ' + variables.how",
    )
    yield Check(
        "size(variables.new) <= size(variables.old) + 1",
        "'one entry a request: append with: ' + variables.how",
    )


def _deputy(row: PeopleList) -> Iterator[Check]:
    """What holds for an entry in somebody else's name; whether they handed over is judged when entries are counted."""
    yield Check(
        "!variables.judged || variables.principal == '' || variables.principal != variables.user && "
        "!variables.principal.startsWith('system:') && !variables.principal.startsWith('lockflight:')",
        "'onBehalfOf names another person: leave it out to decide in your own name'",
    )
    yield Check(
        "!variables.approves || variables.principal == '' || variables.principal != variables.creator && "
        "variables.principal != variables.requester && !(variables.principal in variables.editors)",
        "'four eyes: ' + variables.principal + ' created, requested or edited this, "
        f"so nobody can {row.doing} for them'",
        "Forbidden",
    )


def _person(row: PeopleList) -> Iterator[Check]:
    most = f"(variables.robot ? {RELAYED} : {PER_PERSON})" if row.deputies or row.robots else str(PER_PERSON)
    # One account speaks for many types.
    most = str(RELAYED) if row.waived else most
    doing = "' + variables.verb + '" if row.waived else row.doing
    it = " it" if row.waived else ""
    resource = "' + variables.resource + '" if row.waived else row.resource
    if not row.robots:
        yield Check(
            "!variables.judged || !variables.robot" + (" || variables.principal != ''" if row.deputies else ""),
            f"'a service account does not {row.doing}: a person does'",
            "Forbidden",
        )
    if row.waived:
        yield Check(
            "!variables.judged || !variables.waives || !variables.robot",
            "'a service account does not waive evidence: a person does'",
            "Forbidden",
        )
    yield Check(
        f"!variables.judged || {_check(_resource(row), 'variables.verb')}",
        f"'you may not {doing} as \\'' + variables.role + '\\'' + (variables.principal == '' ? '' : ' for ' + "
        f"variables.principal) + ': ask for verb ' + variables.verb + ' on {resource}/' + variables.role + "
        "' in namespace ' + variables.stack",
        "Forbidden",
    )
    wildcard = (
        f"'you hold ' + variables.verb + ' on {resource}/' + variables.role + ' by a wildcard, as cluster "
        "administrators do: it counts only when granted by name'"
    )
    yield Check(f"!variables.judged || !{_check(_resource(row), literal(CANARY))}", wildcard, "Forbidden")
    yield Check(f"!variables.judged || !{_check(literal(CANARY), 'variables.verb')}", wildcard, "Forbidden")
    if row.creator_known:
        yield Check(
            "!variables.approves || variables.creator != ''",
            f"'nobody knows who created this: annotation {CREATOR_ANNOTATION} is missing. Create it again'",
            "Forbidden",
        )
    if row.put_forward:
        yield Check(
            "!variables.approves || !variables.creator.startsWith('system:serviceaccount:') || "
            "variables.submissions.exists(s, s.?generation.orValue(0) == variables.generation)",
            "'a robot created this, so a person puts it forward first: lockflight change submit ' + variables.name",
        )
    if row.yes != "false":
        own = f" && !({row.own})" if row.own else ""
        words = ", ".join(filter(None, ("created", "requested", row.own_text)))
        yield Check(
            "!variables.approves || variables.user != variables.creator && variables.user != variables.requester && "
            f"!(variables.user in variables.editors){own}",
            f"'four eyes: ' + variables.user + ' {words} or edited this and cannot {doing}{it}; ask somebody else'",
            "Forbidden",
        )
    if row.deputies:
        yield from _deputy(row)
    if row.apart:
        yield Check(
            f"!variables.approves || !({_puts_forward('releases')} || {_puts_forward('promotions')})",
            "'you may create releases or promotions in ' + variables.stack + ', so somebody else approves the rules "
            "that bind them'",
            "Forbidden",
        )
    if row.independent:
        yield Check(
            f"!variables.approves || !variables.byFunction || !({_puts_forward('releases')} || "
            f"{_puts_forward('promotions')})",
            "'you may create releases or promotions in ' + variables.stack + ', so somebody else approves there: '"
            f" + 'namespace label {INDEPENDENCE_LABEL}=Function'",
            "Forbidden",
        )
    yield Check(
        f"!variables.judged || size(variables.new.filter(e, e.?by.orValue('') == variables.user && "
        f"e.?generation.orValue(0) == variables.generation)) <= {most}",
        f"'you have ' + string({most}) + ' entries for this generation already: that is the most'",
    )


def _binding(row: PeopleList) -> Iterator[Check]:
    if row.plan:
        yield from _plan(row)
    if row.open:
        yield Check(f"!variables.judged || ({row.open})", row.not_open)
    if row.ripe:
        yield Check(
            f"!variables.approves || variables.was.?phase.orValue('') == {literal(row.ripe)}",
            f"'it is ' + variables.was.?phase.orValue('not judged yet') + ': {row.not_ripe}'",
        )
    yield Check(
        "!variables.judged || variables.entry.?generation.orValue(0) == variables.generation",
        "'you looked at generation ' + string(variables.entry.?generation.orValue(0)) + '; now it is ' + "
        "string(variables.generation) + ': look again'",
    )
    yield Check(
        "!variables.judged || variables.entry.?by.orValue('') == variables.user",
        "'by is who you are, ' + variables.user + ', not ' + variables.entry.?by.orValue('(absent)')",
        "Forbidden",
    )
    yield Check(
        "!variables.judged || variables.entry.?groups.orValue([]) == variables.groups",
        "'groups are those you authenticated with: kubectl auth whoami'",
        "Forbidden",
    )


def _plan(row: PeopleList) -> Iterator[Check]:
    if row.frozen:
        yield Check(
            "!variables.judged || variables.plan != ''",
            f"'its charts are not resolved yet: nobody can {row.doing} what is not known. Look again: kubectl -n ' + "
            f"variables.stack + ' get {row.short} ' + variables.name",
        )
        yield Check(
            f"!variables.judged || variables.entry.?{row.binds}.orValue('') == variables.plan",
            f"'you speak of ' + variables.entry.?{row.binds}.orValue('(none)') + '; this is ' + variables.plan + "
            "': evidence is for the very bytes that were tested'",
        )
        return
    yield Check(
        "!variables.judged || variables.plan != '' && "
        "variables.was.?observedGeneration.orValue(0) == variables.generation",
        f"'there is no plan yet for generation ' + string(variables.generation) + ': nobody can {row.doing} what is "
        f"not known. Look again: kubectl -n ' + variables.stack + ' get {row.short} ' + variables.name",
    )
    if row.demands_plan:
        yield Check(
            "variables.filled || has(variables.entry.planDigest)",
            '\'the risk is high, so an approval names the plan that was seen: add "planDigest":"\' + variables.plan + '
            "'\", as status.howToApprove does'",
        )
    yield Check(
        "!variables.judged || !variables.filled && !has(variables.entry.planDigest) || "
        "variables.entry.?planDigest.orValue('') == variables.plan",
        "'you looked at the plan ' + variables.entry.?planDigest.orValue('(none)') + '; now it is ' + variables.plan + "
        "': look again'",
    )


def _stamp(row: PeopleList) -> str:
    at = f"'/status/{row.field}/' + string(size(variables.old))"

    def add(key: str, value: str) -> str:
        return f"JSONPatch{{op: 'add', path: {at} + '/{key}', value: {value}}}"

    generation = f"(has(variables.entry.generation) ? [] : [{add('generation', 'variables.generation')}])"
    plan = (
        f"(has(variables.entry.{row.binds}) || variables.plan == '' || !variables.filled ? [] : "
        f"[{add(row.binds, 'variables.plan')}])"
    )
    bound = f"{generation} + {plan}" if row.plan else generation
    return (
        f"variables.judged ? [{add('by', 'variables.user')}, {add('groups', 'variables.groups.map(g, g)')}] + "
        f"{bound} : []"
    )


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects, for each list: the stamp, and the policy that judges it again."""
    for row in LISTS:
        match = Match([f"{row.plural}/status"], ["UPDATE"])
        variables = _variables(row)
        yield (
            f"stamp-{row.plural}-{row.field.lower()}",
            mutating(
                f"stamp-{row.plural}-{row.field.lower()}",
                f"Writes who added an entry to status.{row.field} of {row.plural}, and what it binds to.",
                match,
                variables,
                _stamp(row),
            ),
        )
        yield (
            f"people-{row.plural}-{row.field.lower()}",
            validating(
                f"people-{row.plural}-{row.field.lower()}",
                f"Who may append what to status.{row.field} of {row.plural}; the rest of status is the operator's.",
                match,
                variables,
                [*_shape(row), *_person(row), *_binding(row)],
            ),
        )
