package programs

import (
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/policy"
)

// Input is what a program's rules look at, of one server certificate.
type Input struct {
	// Paths are the paths that are valid by RFC 5280, whoever trusts their end.
	Paths []Path
	// Seen are all the certificates that are at hand, in paths or not: what the
	// server sent, what was downloaded, what the user gave. They tell whether an
	// anchor that is not among them could be the end of another path.
	Seen []*cert.Certificate
	// At is the time judged for.
	At time.Time
	// Version is the browser's, for rules that name one: "139" or "139.0.7258.66",
	// see [ValidVersion]. "" means the newest, to which every new rule applies.
	Version string
}

// Path is one path.
type Path struct {
	Certs []*cert.Certificate // the leaf first, the anchor last
	SCTs  SCTs                // of the leaf, verified under the path's first issuer
}

// SCTs are the times of a leaf's SCTs. The zero is that nothing is known of them:
// nothing is refused for them, and nothing accepted.
type SCTs struct {
	// Verified are the timestamps of those with a good signature of a log that is
	// not rejected (RFC 6962, 3.2).
	Verified []time.Time
	// Unverified are those of the others that may be good: there was no log list, or
	// it does not have their log. SCTs with a bad signature are in neither.
	Unverified []time.Time
	// Complete says that these are all SCTs that the server delivers: in the
	// certificate, in the handshake and in the stapled response.
	Complete bool
}

// Judge says whether the program accepts one of the paths, by the best of them.
// The answer about the system's store is that there is no table: whoever
// has the store knows. Paths must be valid by RFC 5280; that is not looked at again.
// It is safe for concurrent use and does not keep what it is given.
func (t *Tables) Judge(p policy.Program, in Input) Judgement {
	none := Judgement{Program: p, Path: -1, At: -1}
	own := t.table(p)
	if own == nil {
		none.Reason = NoTable
		return none
	}
	none.Table, _ = t.Table(p)
	if own.TooOld(in.At) {
		none.Reason = TableTooOld
		return none
	}
	if len(in.Paths) == 0 && len(in.Seen) == 0 {
		none.Reason = NoPath
		return none
	}
	if !ValidVersion(in.Version) {
		in.Version = "" // the newest, to which every rule applies
	}
	best := none
	best.Status, best.Reason = Refused, NotIncluded
	for i, path := range in.Paths {
		if j := own.path(path, in); j.Better(best) {
			j.Program, j.Table, j.Path = p, none.Table, i
			best = j
		}
	}
	if best.Status == Refused {
		missing := slices.DeleteFunc(t.Issuers(p, in.Seen), func(e Entry) bool {
			return e.usage().and(e.disallowed(in.At)).Status == Refused // nothing that it issued would be accepted
		})
		if len(missing) > 0 {
			none.Reason, none.Missing = AnchorNotGiven, missing
			return none
		}
	}
	return best
}

// path judges one path under each anchor that lies on it.
func (t *table) path(path Path, in Input) Judgement {
	best := Judgement{Status: Refused, Reason: NotIncluded, At: -1}
	for at, c := range path.Certs {
		e := t.find(c)
		if e == nil {
			continue
		}
		if e.Trust == Distrusted { // whatever comes behind it
			j := Judgement{Status: Refused, Reason: IsDistrusted, At: at, Entry: *e}
			if j.Better(best) {
				best = j
			}
			break
		}
		if at == 0 && len(path.Certs) > 1 {
			continue // programs trust issuers; a leaf that is one has a path of its own
		}
		j := e.judge(path, c, in)
		j.At, j.Entry = at, *e
		if j.Better(best) {
			best = j
		}
	}
	return best
}

// judge applies the entry's conditions to a path that ends at c.
func (e *Entry) judge(path Path, c *cert.Certificate, in Input) Judgement {
	if e.Trust != Anchor {
		return Judgement{Status: Refused, Reason: UsageNotIncluded}
	}
	leaf := path.Certs[0]
	j := Judgement{Status: Accepted}
	for _, rule := range []func() Judgement{
		func() Judgement { return e.expiry(c, in.At) },
		func() Judgement { return e.usage() },
		func() Judgement { return e.distrustAfter(leaf) },
		func() Judgement { return e.notBefore(leaf) },
		func() Judgement { return e.disallowed(in.At) },
		func() Judgement { return e.alternatives(leaf, path.SCTs, in.Version) },
		func() Judgement { return e.unclear() },
	} {
		j = j.and(rule())
	}
	if j.Status == AcceptedUntil && !leaf.NotAfter.IsZero() && !j.Until.Before(leaf.NotAfter) {
		j.Status = Accepted
	}
	return j
}

// and combines the answers of two conditions that must both be met: the worse
// decides, and the earlier end.
func (j Judgement) and(k Judgement) Judgement {
	last := j.LastIssue
	if last.IsZero() || !k.LastIssue.IsZero() && k.LastIssue.Before(last) {
		last = k.LastIssue
	}
	worse := j
	switch {
	case rank[k.Status] > rank[j.Status],
		j.Status == AcceptedUntil && k.Status == AcceptedUntil && k.Until.Before(j.Until),
		j.Status == Accepted && k.Status == Accepted && j.Reason == Unconditional:
		worse = k
	}
	worse.LastIssue = last
	return worse
}

// expiry is the end of an anchor that is an intermediate.
func (e *Entry) expiry(c *cert.Certificate, at time.Time) Judgement {
	switch {
	case !e.EnforceExpiry:
		return Judgement{Status: Accepted}
	case at.After(c.NotAfter):
		return Judgement{Status: Refused, Reason: AnchorExpired, Since: c.NotAfter}
	}
	return Judgement{Status: AcceptedUntil, Reason: AnchorExpired, Until: c.NotAfter}
}

// usage is whether the entry is for TLS servers.
func (e *Entry) usage() Judgement {
	if e.Usages != nil && !slices.Contains(e.Usages, serverAuth) || slices.Contains(e.DisallowedUsages, serverAuth) {
		return Judgement{Status: Refused, Reason: UsageNotIncluded}
	}
	return Judgement{Status: Accepted}
}

// distrustAfter is Mozilla's date.
func (e *Entry) distrustAfter(leaf *cert.Certificate) Judgement {
	if e.DistrustAfter.IsZero() {
		return Judgement{Status: Accepted}
	}
	j := Judgement{Status: Accepted, Reason: DistrustAfter, Since: e.DistrustAfter, LastIssue: e.DistrustAfter}
	if leaf.NotBefore.IsZero() || leaf.NotBefore.After(e.DistrustAfter) {
		j.Status = Refused
	}
	return j
}

// notBefore is Microsoft's.
func (e *Entry) notBefore(leaf *cert.Certificate) Judgement {
	if e.NotBefore == nil || !e.NotBefore.forServers() {
		return Judgement{Status: Accepted}
	}
	j := Judgement{Status: Accepted, Reason: NotBefore, Since: e.NotBefore.At}
	if !e.NotBefore.At.IsZero() {
		j.LastIssue = e.NotBefore.At.Add(-time.Second)
	}
	if leaf.NotBefore.IsZero() || !leaf.NotBefore.Before(e.NotBefore.At) {
		j.Status = Refused
	}
	return j
}

// disallowed is the date from which Microsoft accepts nothing.
func (e *Entry) disallowed(at time.Time) Judgement {
	switch d := e.Disallowed; {
	case d == nil || !d.forServers():
		return Judgement{Status: Accepted}
	case !at.Before(d.At):
		return Judgement{Status: Refused, Reason: Disallowed, Since: d.At}
	default:
		return Judgement{Status: AcceptedUntil, Reason: Disallowed, Since: d.At, Until: d.At.Add(-time.Second), LastIssue: d.At.Add(-time.Second)}
	}
}

// forServers reports whether the limit is for TLS servers.
func (l *Limit) forServers() bool { return l.Usages == nil || slices.Contains(l.Usages, serverAuth) }

// unclear is what the sources do not say.
func (e *Entry) unclear() Judgement {
	switch {
	case e.Restricted:
		return Judgement{Status: CannotTell, Reason: RuleUndated}
	case e.UsagesUnknown:
		return Judgement{Status: CannotTell, Reason: UsageUnknown}
	}
	return Judgement{Status: Accepted}
}
