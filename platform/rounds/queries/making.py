"""How a policy came to be: the stage that wrote it, what went in, and what its manifest says."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from annotations.models import Policy
from rounds import store
from rounds.models import Artifact, Facts, RewardModel, Round, Snapshot, Stage
from trainer import manifest
from trainer.manifest import ManifestError


@dataclass(frozen=True)
class File:
    """One file of a directory; `bytes` is None once it was collected."""

    name: str
    digest: str
    bytes: int | None


@dataclass(frozen=True)
class Making:
    """What is known of a policy's directory. `facts` is empty where its manifest cannot be trusted: `broken` says why.

    `artifact` is None for what was brought in from outside, and of another project for what was adopted.
    """

    policy: Policy
    artifact: Artifact | None
    facts: Facts = field(default_factory=dict)
    broken: str = ""
    files: list[File] = field(default_factory=list)

    @property
    def stage(self) -> Stage | None:
        """The stage of this very project that wrote it."""
        made = self.artifact.stage if self.artifact else None
        return made if made and made.project_id == self.policy.project_id else None

    @property
    def round(self) -> Round | None:
        return self.stage.round if self.stage else None

    @property
    def adopted(self) -> bool:
        """Whether another project made it."""
        return self.artifact is not None and self.stage is None

    @property
    def collected(self) -> bool:
        return self.artifact is not None and self.artifact.collected_at is not None

    @property
    def there(self) -> bool:
        """Whether its weights can be taken."""
        return bool(self.policy.path) and not self.collected and not self.broken

    @property
    def bytes(self) -> int:
        return sum(each.bytes or 0 for each in self.files)

    def digest_of(self, role: str) -> str:
        """The digest of what went in as `role`; empty where nothing did."""
        given: dict[str, str] = self.stage.inputs.get(role, {}) if self.stage else {}
        return given.get("digest", "")


def artifacts_of(policies: Iterable[Policy]) -> dict[str, Artifact]:
    """Path → the artifact that a policy's row points at, in whatever project it was made."""
    paths = [policy.path for policy in policies if policy.path]
    found = Artifact.objects.filter(path__in=paths, kind="policy")
    return {artifact.path: artifact for artifact in found.select_related("stage__round__snapshot", "stage__project")}


def making_of(policy: Policy) -> Making:
    """Read the policy's manifest, after checking that it is the one that its row names."""
    artifact = artifacts_of([policy]).get(policy.path)
    if not policy.path:
        return Making(policy, artifact)
    try:
        facts = store.read_manifest(policy.path, kind="policy", digest=policy.digest)
    except ManifestError as error:
        return Making(policy, artifact, broken=str(error))
    return Making(policy, artifact, facts, files=files_in(policy.path, facts))


def files_in(relative: str, facts: Facts) -> list[File]:
    """Every file of a finished directory, its manifest last."""
    folder = store.full_path(relative)
    listed = sorted(facts["files"].items())
    if (folder / manifest.NAME).is_file():
        listed.append((manifest.NAME, manifest.digest(folder)))
    return [File(name, digest, _bytes(relative, name)) for name, digest in listed]


def _bytes(relative: str, name: str) -> int | None:
    try:
        return (store.full_path(relative) / name).stat().st_size
    except FileNotFoundError:
        return None


def snapshot_of(making: Making) -> Snapshot | None:
    """What people had said when it was made."""
    digest = making.digest_of("dataset")
    found = Snapshot.objects.filter(project=making.policy.project_id, digest=digest) if digest else None
    return found.order_by("-pk").first() if found is not None else None


def reward_model_of(making: Making) -> RewardModel | None:
    """The judge that it was improved against."""
    digest = making.digest_of("reward")
    found = RewardModel.objects.filter(round__project=making.policy.project_id, digest=digest) if digest else None
    return found.select_related("round").order_by("-pk").first() if found is not None else None


def input_policy(making: Making, role: str) -> Policy | None:
    """The policy that went in as `role`: "init" or "reference"."""
    digest = making.digest_of(role)
    return Policy.objects.filter(project=making.policy.project_id, digest=digest).first() if digest else None
