package watch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// migrations bring a database from one version to the next; the first makes it.
// What was released is never changed: a new version is a new entry. {serial},
// {bytes} and {long} are the dialect's words. Times are milliseconds since 1970,
// 0 for none.
var migrations = []string{
	`
CREATE TABLE targets (
	id {serial},
	name_key TEXT NOT NULL UNIQUE,
	kind TEXT NOT NULL,
	target TEXT NOT NULL,
	name TEXT NOT NULL,
	grp TEXT NOT NULL,
	labels TEXT NOT NULL,
	origin TEXT NOT NULL,
	parent {long} NOT NULL DEFAULT 0,
	every {long} NOT NULL,
	digest {bytes},
	search TEXT NOT NULL,
	added {long} NOT NULL,
	removed {long} NOT NULL DEFAULT 0
);
CREATE INDEX targets_name ON targets (removed, name, id);
CREATE INDEX targets_parent ON targets (parent);

CREATE TABLE schedule (
	target {long} PRIMARY KEY,
	next_at {long} NOT NULL,
	claim {long} NOT NULL DEFAULT 0,
	claimed_until {long} NOT NULL DEFAULT 0,
	claimed_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX schedule_next ON schedule (next_at);

CREATE TABLE standings (
	target {long} PRIMARY KEY,
	checked {long} NOT NULL,
	took {long} NOT NULL,
	failures {long} NOT NULL,
	state {long} NOT NULL,
	since {long} NOT NULL,
	checks {long} NOT NULL,
	verdict TEXT NOT NULL,
	verdict_since {long} NOT NULL,
	headline TEXT NOT NULL,
	ends {long} NOT NULL,
	digest {bytes},
	cert {bytes},
	spki {bytes},
	issuer {bytes},
	sent TEXT NOT NULL,
	line TEXT NOT NULL
);
CREATE INDEX standings_verdict ON standings (verdict, target);
CREATE INDEX standings_checked ON standings (checked, target);
CREATE INDEX standings_headline ON standings (headline, target);
CREATE INDEX standings_ends ON standings (ends, target);
CREATE INDEX standings_since ON standings (verdict_since, target);
CREATE INDEX standings_state ON standings (state);
CREATE INDEX standings_issuer ON standings (issuer, verdict);

CREATE TABLE states (
	id {serial},
	target {long} NOT NULL,
	began {long} NOT NULL,
	ended {long} NOT NULL DEFAULT 0,
	checks {long} NOT NULL,
	line TEXT NOT NULL
);
CREATE INDEX states_target ON states (target, id);
CREATE INDEX states_ended ON states (ended);

CREATE TABLE reports (
	state {long} PRIMARY KEY,
	body {bytes} NOT NULL
);

CREATE TABLE certificates (
	sha256 {bytes} PRIMARY KEY,
	der {bytes} NOT NULL,
	subject TEXT NOT NULL,
	issuer TEXT NOT NULL,
	serial TEXT NOT NULL,
	key_kind TEXT NOT NULL,
	spki {bytes},
	ca {long} NOT NULL,
	not_before {long} NOT NULL,
	not_after {long} NOT NULL,
	first_seen {long} NOT NULL
);
CREATE INDEX certificates_issuer ON certificates (issuer);
CREATE INDEX certificates_end ON certificates (not_after, sha256);

CREATE TABLE state_certs (
	state {long} NOT NULL,
	sha256 {bytes} NOT NULL,
	place {long} NOT NULL,
	role TEXT NOT NULL,
	PRIMARY KEY (state, sha256)
);
CREATE INDEX state_certs_sha256 ON state_certs (sha256, place);

CREATE TABLE findings (
	target {long} NOT NULL,
	id TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	severity {long} NOT NULL,
	role TEXT NOT NULL,
	subject TEXT NOT NULL,
	title TEXT NOT NULL,
	cause TEXT NOT NULL,
	since {long} NOT NULL,
	PRIMARY KEY (target, id, sha256)
);
CREATE INDEX findings_id ON findings (id, target, severity, since);
CREATE INDEX findings_cause ON findings (cause);

CREATE TABLE events (
	id {serial},
	event_key TEXT NOT NULL UNIQUE,
	target {long} NOT NULL,
	name TEXT NOT NULL,
	grp TEXT NOT NULL,
	kind TEXT NOT NULL,
	at {long} NOT NULL,
	state {long} NOT NULL,
	was TEXT NOT NULL,
	became TEXT NOT NULL
);
CREATE INDEX events_target ON events (target, id);

CREATE TABLE consumers (
	name TEXT PRIMARY KEY,
	read_to {long} NOT NULL
);

CREATE TABLE outbox (
	id {serial},
	delivery_key TEXT NOT NULL UNIQUE,
	receiver TEXT NOT NULL,
	body {bytes} NOT NULL,
	created {long} NOT NULL,
	next_at {long} NOT NULL,
	attempts {long} NOT NULL DEFAULT 0,
	claim {long} NOT NULL DEFAULT 0,
	claimed_until {long} NOT NULL DEFAULT 0,
	ended {long} NOT NULL DEFAULT 0,
	dead {long} NOT NULL DEFAULT 0,
	trouble TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_due ON outbox (ended, next_at);
CREATE INDEX outbox_dead ON outbox (dead);
`,
	`
CREATE TABLE alerts (
	id {serial},
	alert_key TEXT NOT NULL,
	rule TEXT NOT NULL,
	severity TEXT NOT NULL,
	cause TEXT NOT NULL,
	finding TEXT NOT NULL,
	title TEXT NOT NULL,
	targets {long} NOT NULL,
	names TEXT NOT NULL,
	began {long} NOT NULL,
	ended {long} NOT NULL DEFAULT 0,
	told {long} NOT NULL DEFAULT 0,
	silenced {long} NOT NULL DEFAULT 0,
	acked {long} NOT NULL DEFAULT 0,
	acked_by TEXT NOT NULL DEFAULT '',
	remark TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX alerts_key ON alerts (alert_key, ended);
CREATE INDEX alerts_ended ON alerts (ended);

CREATE TABLE silences (
	id {serial},
	rule TEXT NOT NULL,
	target TEXT NOT NULL,
	grp TEXT NOT NULL,
	cause TEXT NOT NULL,
	finding TEXT NOT NULL,
	until_at {long} NOT NULL,
	created {long} NOT NULL,
	made_by TEXT NOT NULL,
	remark TEXT NOT NULL
);
CREATE INDEX silences_until ON silences (until_at);
`,
	`
ALTER TABLE certificates ADD COLUMN search TEXT NOT NULL DEFAULT '';
CREATE INDEX certificates_spki ON certificates (spki);
CREATE INDEX findings_sha256 ON findings (sha256, target);
CREATE INDEX targets_kind ON targets (kind, id);
`,
	`
CREATE INDEX standings_worst ON standings (verdict, verdict_since, target);
CREATE INDEX standings_verdict_ends ON standings (verdict, ends, target);
CREATE INDEX findings_common ON findings (severity, cause, target);
DROP INDEX standings_verdict;
`,
	`
CREATE INDEX certificates_life ON certificates (sha256, not_before, not_after);
`,
}

// fills are what SQL cannot do of a migration, by its number; in the same transaction.
var fills = map[int]func(*Tx) error{3: (*Tx).fillSearch}

// migrate brings the database to the newest version, one transaction a step.
// Several processes may do so at once.
func (s *Store) migrate(ctx context.Context) error {
	err := s.Update(ctx, func(tx *Tx) error {
		if s.d.inOrder != "" {
			if _, err := tx.Exec(s.d.inOrder); err != nil {
				return err
			}
		}
		_, err := tx.Exec("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
		return err
	})
	if err != nil {
		return err
	}
	for step := 0; step < len(migrations); {
		err := s.Update(ctx, func(tx *Tx) error {
			if s.d.inOrder != "" { // nobody else migrates meanwhile
				if _, err := tx.Exec(s.d.inOrder); err != nil {
					return err
				}
			}
			version, err := tx.version()
			if err != nil || version > step {
				step = version
				return err
			}
			if _, err := tx.Exec(s.d.words.Replace(migrations[step])); err != nil {
				return fmt.Errorf("step %d: %w", step+1, err)
			}
			if fill := fills[step+1]; fill != nil {
				if err := fill(tx); err != nil {
					return fmt.Errorf("step %d: %w", step+1, err)
				}
			}
			step++
			if _, err := tx.Exec("DELETE FROM meta WHERE name = 'version'"); err != nil {
				return err
			}
			_, err = tx.Exec("INSERT INTO meta (name, value) VALUES ('version', ?)", strconv.Itoa(step))
			return err
		})
		if err != nil {
			return fmt.Errorf("the database cannot be brought up to date: %w", err)
		}
		if step > len(migrations) {
			return errors.New("the database was made by a newer assay; install that version")
		}
	}
	return nil
}

// version is how many migrations the database has had.
func (tx *Tx) version() (int, error) {
	var text string
	switch found, err := tx.one("SELECT value FROM meta WHERE name = 'version'", nil, &text); {
	case err != nil:
		return 0, err
	case !found:
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, errors.New("the database's version cannot be read")
	}
	return n, nil
}
