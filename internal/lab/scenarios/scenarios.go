// Package scenarios is the lab's catalogue: what is wrong with each of its
// servers, told as a story, with the verdict and the findings that must come of
// it. It is data: internal/lab/serve makes the servers.
package scenarios

import (
	"fmt"
	globs "path" // path is a group of scenarios here
	"slices"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Domain is the parent of every scenario's host name. It is reserved (RFC
// 6761, 6.2) and resolves nowhere: clients are told the address.
const Domain = "lab.assay.test"

// Scenario is one server of the lab, told and not started.
type Scenario struct {
	Name  string // "revoked-by-crl"
	Group string // "good", "path", "revocation", "ct", "programs", "connection", "hostile"
	Story string // what is wrong here and what must come of it, one or two sentences

	Ask

	Want     report.Verdict
	Findings []finding.ID // each must be in the report, anywhere
	Absent   []finding.ID // none of these may be

	// MaxDownload lowers the limit on one download, in bytes, so that a
	// scenario about it is quick; 0 keeps the default.
	MaxDownload int64
	// DownloadTimeout and Timeout bound one download and the handshake, so
	// that a scenario about slowness is quick; 0 keeps the defaults.
	DownloadTimeout, Timeout time.Duration

	// NoRoots and NoLogList leave the lab's roots and log list out; Public has
	// the roots count as publicly trusted, so that browsers' CT policies apply.
	NoRoots, NoLogList, Public bool
	// First, when not "", is a server name under which assay visits the server
	// before the visit that is judged, and remembers it.
	First string
	// Local scenarios need what no flag can say, such as a DNS server of their
	// own: other programs do not reach them.
	Local bool
}

// Ask is what a scenario asks of assay beside the defaults.
type Ask struct {
	Policy policy.Policy
	Access download.Access
	Flags  []string // the same as flags of `assay check`
}

// What several scenarios ask.
var (
	nonce       = Ask{Access: download.Access{Nonce: true}, Flags: []string{"--nonce"}}
	audit       = Ask{Access: download.Access{Audit: true}, Flags: []string{"--ct-audit"}}
	denyUnknown = Ask{Policy: policy.Policy{Unknown: policy.UnknownDeny}, Flags: []string{"--unknown", policy.UnknownDeny.String()}}
	monthLeft   = Ask{Policy: policy.Policy{ExpiresWithin: policy.Margin{Left: 30 * 24 * time.Hour}}, Flags: []string{"--expires-within", "30d"}}
	strictCT    = askCT(policy.CTRequire)
	chromeCT    = askCT(policy.CTChrome)
	appleCT     = askCT(policy.CTApple)
	chainCT     = Ask{Policy: policy.Policy{CT: policy.CTRequire, CTDepth: policy.CTChain},
		Flags: []string{"--ct", policy.CTRequire.String(), "--ct-depth", policy.CTChain.String()}}
)

func askCT(mode policy.CTMode) Ask {
	return Ask{Policy: policy.Policy{CT: mode}, Flags: []string{"--ct", mode.String()}}
}

// auditedBut lists what an audit may find, but for the findings named.
func auditedBut(found ...finding.ID) []finding.ID {
	return slices.DeleteFunc(ids(finding.CTNotIncluded, finding.CTAbsenceUnproven, finding.CTAuditLimit, finding.CTAuditPending, finding.CTAuditUnavailable, finding.CTAuditBadAnswer, finding.CTLogBehind),
		func(id finding.ID) bool { return slices.Contains(found, id) })
}

// All returns the scenarios in the order of the catalogue: by group, the plain
// good one first.
func All() []Scenario {
	var all []Scenario
	for _, group := range []struct {
		name string
		list []Scenario
	}{{"good", good}, {"path", slices.Concat(path, x509errors)}, {"revocation", slices.Concat(revocation, filters, downloads, x509errorsLists)}, {"ct", slices.Concat(ct, ctAudit)}, {"programs", programs},
		{"connection", slices.Concat(connection, wire, dane)}, {"hostile", hostile}} {
		for _, s := range group.list {
			s.Group = group.name
			all = append(all, s)
		}
	}
	return all
}

// Names returns the names of all scenarios, in order.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// Matching returns the scenarios whose names match one of the patterns (path.Match),
// all without patterns. A pattern that no name matches is an error.
func Matching(patterns []string) (out []Scenario, err error) {
	used := make([]bool, len(patterns))
	for _, s := range All() {
		wanted := len(patterns) == 0
		for i, p := range patterns {
			ok, err := globs.Match(p, s.Name)
			if err != nil {
				return nil, fmt.Errorf("bad pattern %q: %w", p, err)
			}
			used[i], wanted = used[i] || ok, wanted || ok
		}
		if wanted {
			out = append(out, s)
		}
	}
	for i, p := range patterns {
		if !used[i] {
			return nil, fmt.Errorf("no scenario is called %q", p)
		}
	}
	return out, nil
}

// Covered lists, for every kind of finding that a scenario must produce, the
// names of those scenarios.
func Covered() map[finding.ID][]string {
	m := map[finding.ID][]string{}
	for _, s := range All() {
		for _, id := range s.Findings {
			m[id] = append(m[id], s.Name)
		}
	}
	return m
}

// ids keeps the catalogue's lines short.
func ids(list ...finding.ID) []finding.ID { return list }
