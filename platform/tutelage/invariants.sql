-- What must hold at every moment, whatever was killed: each query returns the rows that break it.
-- Runs on SQLite and PostgreSQL. %(late)s is the moment before which waiting work should have been taken up.
-- A name ending in " files" lists directories that invariants.py must find true to their digests.

-- I1: a slot of a slate holds at most one person's ranking
SELECT a.slate_id, a.slot, COUNT(*) AS rankings
FROM annotations_assignment a JOIN annotations_ranking r ON r.assignment_id = a.id AND r.is_current
WHERE a.slot IS NOT NULL
GROUP BY a.slate_id, a.slot HAVING COUNT(*) > 1;

-- I2: a person ranks a slate at most once
SELECT r.slate_id, r.labeler_id, COUNT(*) AS rankings
FROM annotations_ranking r
WHERE r.is_current
GROUP BY r.slate_id, r.labeler_id HAVING COUNT(*) > 1;

-- I3: a slate has at most as many rankings as the overlap it was made with, surplus ones aside
SELECT a.slate_id, COUNT(*) AS rankings, s.overlap
FROM annotations_assignment a
JOIN annotations_ranking r ON r.assignment_id = a.id AND r.is_current
JOIN annotations_slate s ON s.id = a.slate_id
WHERE NOT a.surplus
GROUP BY a.slate_id, s.overlap HAVING COUNT(*) > s.overlap;

-- I4: a ranking places exactly the completions of its slate, in tiers without gaps
SELECT r.id AS ranking_id, 'not placed' AS fault
FROM annotations_ranking r
JOIN annotations_slatecompletion m ON m.slate_id = r.slate_id
LEFT JOIN annotations_placement p ON p.ranking_id = r.id AND p.completion_id = m.completion_id
WHERE p.id IS NULL
UNION ALL
SELECT r.id, 'not on the slate'
FROM annotations_placement p
JOIN annotations_ranking r ON r.id = p.ranking_id
LEFT JOIN annotations_slatecompletion m ON m.slate_id = r.slate_id AND m.completion_id = p.completion_id
WHERE m.id IS NULL
UNION ALL
SELECT r.id, 'tiers with a gap'
FROM annotations_placement p JOIN annotations_ranking r ON r.id = p.ranking_id
WHERE p.tier IS NOT NULL
GROUP BY r.id HAVING MAX(p.tier) <> COUNT(DISTINCT p.tier)
UNION ALL
SELECT r.id, 'assignment of another slate or person'
FROM annotations_ranking r JOIN annotations_assignment a ON a.id = r.assignment_id
WHERE a.slate_id <> r.slate_id OR a.labeler_id <> r.labeler_id
   -- What its author took back leaves the work undone again.
   OR (a.state <> 'done' AND r.withdrawn_at IS NULL);

-- I5: a project has at most one open round and one current deployment of a kind
SELECT project_id, 'open rounds' AS fault, COUNT(*) AS found
FROM rounds_round WHERE state NOT IN ('done', 'rejected', 'cancelled')
GROUP BY project_id HAVING COUNT(*) > 1
UNION ALL
SELECT project_id, 'current deployments', COUNT(*)
FROM rounds_deployment WHERE retired_at IS NULL
GROUP BY project_id, canary HAVING COUNT(*) > 1;

-- I6: a policy that is deployed belongs to the project that deployed it
SELECT d.id AS deployment_id, d.policy_id
FROM rounds_deployment d LEFT JOIN annotations_policy p ON p.id = d.policy_id
WHERE p.id IS NULL OR p.project_id <> d.project_id;

-- I6 files: and every file of it has the digest that its manifest names
SELECT p.path, p.digest, 'policy' AS kind
FROM rounds_deployment d JOIN annotations_policy p ON p.id = d.policy_id
WHERE d.retired_at IS NULL;

-- I7 files: a snapshot's stored digest is the digest of what lies on the disk
SELECT path, digest, 'dataset' AS kind FROM rounds_snapshot WHERE erased_at IS NULL;

-- I8: work that is due has been taken up
SELECT 'stage' AS waiting, s.id, s.kind
FROM rounds_stage s LEFT JOIN rounds_round r ON r.id = s.round_id
WHERE s.state = 'waiting' AND s.failure = '' AND COALESCE(r.failure, '') = ''
  AND s.created_at < %(late)s AND (s.lease_until IS NULL OR s.lease_until < %(late)s)
  -- A supervisor does one stage at a time: behind a stage at work, waiting is in order.
  AND NOT EXISTS (SELECT 1 FROM rounds_stage w WHERE w.state = 'waiting' AND w.lease_until >= %(late)s)
  AND NOT EXISTS (SELECT 1 FROM rounds_stage w WHERE w.ended_at >= %(late)s)
UNION ALL
SELECT 'artifact', s.id, s.kind
FROM rounds_stage s
WHERE s.state = 'finished' AND s.failure = '' AND s.ended_at < %(late)s
UNION ALL
SELECT 'round', r.id, r.state
FROM rounds_round r
WHERE r.state IN ('exporting', 'deploying') AND r.failure = ''
  AND (r.lease_until IS NULL OR r.lease_until < %(late)s)
  AND NOT EXISTS (
    SELECT 1 FROM accounts_journalentry j
    WHERE j.subject = 'round' AND j.subject_id = CAST(r.id AS VARCHAR(40)) AND j.at >= %(late)s)
UNION ALL
SELECT 'export', e.id, e.format
FROM exchange_export e
WHERE e.state = 'waiting' AND e.failure = '' AND e.created_at < %(late)s
  AND (e.lease_until IS NULL OR e.lease_until < %(late)s)
  AND NOT EXISTS (
    SELECT 1 FROM accounts_journalentry j
    WHERE j.subject = 'export' AND j.subject_id = CAST(e.id AS VARCHAR(40)) AND j.at >= %(late)s);

-- I9: nothing in a working state is held by a lease that ran out long ago
SELECT 'stage' AS held, s.id, s.lease_owner
FROM rounds_stage s WHERE s.state = 'waiting' AND s.lease_owner <> '' AND s.lease_until < %(late)s
UNION ALL
SELECT 'round', r.id, r.lease_owner
FROM rounds_round r
WHERE r.state NOT IN ('done', 'rejected', 'cancelled') AND r.lease_owner <> '' AND r.lease_until < %(late)s
UNION ALL
SELECT 'export', e.id, e.lease_owner
FROM exchange_export e WHERE e.state = 'waiting' AND e.lease_owner <> '' AND e.lease_until < %(late)s;

-- I10: every change of a round's state is in the journal, and the journal's states form one chain
SELECT r.id AS round_id, r.state, last.new AS journal_says
FROM rounds_round r LEFT JOIN accounts_journalentry last ON last.id = (
  SELECT MAX(j.id) FROM accounts_journalentry j
  WHERE j.subject = 'round' AND j.subject_id = CAST(r.id AS VARCHAR(40)) AND j.new <> '')
WHERE last.id IS NULL OR last.new <> r.state
UNION ALL
SELECT CAST(chain.subject_id AS BIGINT), chain.old, chain.before_it
FROM (
  SELECT j.subject_id, j.old, LAG(j.new) OVER (PARTITION BY j.subject_id ORDER BY j.id) AS before_it
  FROM accounts_journalentry j WHERE j.subject = 'round' AND j.new <> '') chain
WHERE chain.before_it IS NOT NULL AND chain.before_it <> chain.old;

-- I11: a completion was written by the policy that its order names, for a prompt of the same project
SELECT c.id AS completion_id, c.policy_id
FROM annotations_completion c
LEFT JOIN annotations_policy p ON p.id = c.policy_id
LEFT JOIN annotations_samplingorder o ON o.id = c.order_id
LEFT JOIN annotations_prompt q ON q.id = c.prompt_id
WHERE p.id IS NULL OR o.id IS NULL OR q.id IS NULL
   OR o.policy_id <> c.policy_id OR o.project_id <> p.project_id OR q.project_id <> p.project_id;

-- I12 files: no directory that a row names is missing (and none lies there unnamed)
SELECT path, digest, 'dataset' AS kind FROM rounds_snapshot
UNION SELECT path, digest, kind FROM rounds_artifact WHERE collected_at IS NULL
UNION SELECT path, digest, 'export' FROM exchange_export WHERE state = 'ready'
-- A policy that somebody else had, and whose completions were imported, has no directory here.
UNION SELECT path, digest, 'policy' FROM annotations_policy WHERE path <> ''
UNION SELECT path, digest, 'reward_model' FROM rounds_rewardmodel;

-- I12 at work: directories that a stage which has not ended may be writing
SELECT CAST(s.public_id AS VARCHAR(40)) AS stage, s.state FROM rounds_stage s;
