package rootstores

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// ErrNoDate is returned by [Apply] for a publication that does not say when it was
// made, when nobody else says so.
var ErrNoDate = errors.New("it does not say when it was made")

// OlderError is returned by [Apply] for a publication that is older than the table
// that it would replace.
type OlderError struct {
	Program policy.Program
	Old     programs.Table // what is there
	Version string         // of the publication
	Made    time.Time      // the publication's date
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("it is older than the table of %s that is there", e.Program.Name())
}

// Apply returns have with the programs of a publication as it tells them. The date is
// the publication's own; asOf counts where it has none. A publication that tells
// the membership alone takes the conditions from have, and entries without the hash of a
// subject take that from any program. Unless older is set, a publication that is
// older than the table it replaces is refused with an [OlderError]. have is not
// changed.
func Apply(have *programs.Tables, p *Publication, asOf time.Time, older bool) (*programs.Tables, error) {
	made := p.Made
	if made.IsZero() {
		made = asOf
	}
	if made.IsZero() {
		return nil, ErrNoDate
	}
	source := programs.Source{Name: p.Kind.String(), Version: p.Version, AsOf: made.UTC()}
	var lists []programs.List
	for _, l := range p.Lists {
		old, there := have.Table(l.Program)
		if there && !older && olderThan(source, old) {
			return nil, &OlderError{Program: l.Program, Old: old, Version: p.Version, Made: made}
		}
		l.Sources = []programs.Source{source}
		if p.MembershipOnly && there {
			l.Entries = withConditions(l, have, p)
			l.Sources = append(l.Sources, slices.DeleteFunc(old.Sources, func(s programs.Source) bool { return s.Name == source.Name })...)
		} else {
			l.Entries = slices.Clone(l.Entries)
		}
		lists = append(lists, l)
	}
	for _, p := range have.Programs() {
		if !slices.ContainsFunc(lists, func(l programs.List) bool { return l.Program == p }) {
			lists = append(lists, have.List(p))
		}
	}
	complete(lists)
	return programs.New(lists...)
}

// olderThan reports whether a publication is older than a table: by the number of its
// version where both have one of the same source (Chrome's), else by date.
func olderThan(s programs.Source, old programs.Table) bool {
	if first := old.Sources[0]; s.Name == ChromeRootStore.String() && first.Name == s.Name && first.Version != s.Version {
		return programs.CompareVersions(s.Version, first.Version) < 0
	}
	return s.AsOf.Before(old.AsOf())
}

// withConditions adds to a membership what is known of its members. An anchor that the
// publication does not mention was taken out, or there is no answer about it when the
// publication is partial.
func withConditions(l programs.List, have *programs.Tables, p *Publication) []programs.Entry {
	told := map[[32]byte]bool{}
	var out []programs.Entry
	for _, e := range l.Entries {
		told[e.SHA256] = true
		if old, ok := have.Lookup(l.Program, e.SHA256); ok {
			if old.NotBefore != nil && p.notBefore[e.SHA256] {
				e.Restricted = false // this is the date
			}
			e = merged(e, old)
		}
		out = append(out, e)
	}
	for _, old := range have.List(l.Program).Entries {
		switch {
		case told[old.SHA256] && old.IssuerSerial == [32]byte{}:
			continue
		case old.Trust == programs.Anchor && !p.Partial:
			continue // it was taken out
		case old.Trust == programs.Anchor:
			old.Restricted = true
		}
		out = append(out, old)
	}
	return out
}

// merged is what is known of a certificate from a newer membership and older
// conditions.
func merged(member, old programs.Entry) programs.Entry {
	e := old
	switch {
	case member.Trust == programs.Distrusted:
		e.Trust = programs.Distrusted
	case old.Trust == programs.Distrusted: // one of the two is wrong, or it was taken back
		e.Trust, e.Restricted = programs.Anchor, true
	default:
		e.Restricted = member.Restricted
	}
	if member.Disallowed != nil && e.Disallowed == nil {
		e.Disallowed = member.Disallowed
	}
	if old.UsagesUnknown && !member.UsagesUnknown {
		e.Usages, e.UsagesUnknown = member.Usages, false
	}
	if e.Name == "" {
		e.Name = member.Name
	}
	return e
}

// complete fills in hashes of subjects and names that another program's entry of the same
// certificate has.
func complete(lists []programs.List) {
	type about struct {
		subject [8]byte
		name    string
	}
	known := map[[32]byte]about{}
	for _, l := range lists {
		for _, e := range l.Entries {
			a := known[e.SHA256]
			if a.subject == [8]byte{} {
				a.subject = e.SubjectHash
			}
			if a.name == "" {
				a.name = e.Name
			}
			known[e.SHA256] = a
		}
	}
	for _, l := range lists {
		for i := range l.Entries {
			e := &l.Entries[i]
			if e.IssuerSerial != [32]byte{} {
				continue
			}
			e.SubjectHash = known[e.SHA256].subject
			if e.Name == "" {
				e.Name = known[e.SHA256].name
			}
		}
	}
}
