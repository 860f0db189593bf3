package report

import (
	"encoding/json"

	"github.com/assaytls/assay/finding"
)

// Placed is a finding with its place, as the JSON form lists them all.
type Placed struct {
	Path        int             `json:"path"`                  // index in Report.Paths; -1: it hangs on the report as a whole
	Cert        int             `json:"cert"`                  // position on that path, 0 for the leaf; -1: it hangs on the path or on the report
	Certificate string          `json:"certificate,omitempty"` // subject of that certificate, quoted; "" when it hangs on none
	SHA256      string          `json:"sha256,omitempty"`      // of that certificate, hex
	Counts      bool            `json:"counts"`                // whether the verdict depends on it: those of other paths than the chosen one are only shown
	Finding     finding.Finding `json:"finding"`               // the finding itself
}

// All returns every finding of the report: its own, then those of each path and
// of the path's certificates.
func (r *Report) All() []Placed {
	all := make([]Placed, 0, len(r.Findings))
	for _, f := range r.Findings {
		all = append(all, Placed{Path: -1, Cert: -1, Counts: true, Finding: f})
	}
	for i, p := range r.Paths {
		for _, f := range p.Findings {
			all = append(all, Placed{Path: i, Cert: -1, Counts: i == r.Chosen, Finding: f})
		}
		for k, pc := range p.Certs {
			at := Placed{Path: i, Cert: k, Counts: i == r.Chosen}
			if c := r.cert(pc); c != nil {
				at.Certificate, at.SHA256 = r.subject(pc.Cert), c.SHA256
			}
			for _, at.Finding = range pc.Findings {
				all = append(all, at)
			}
		}
	}
	return all
}

// Advice is what a finding means and what to do, as the JSON form of a headline
// has it.
type Advice struct {
	Meaning string   `json:"meaning"`        // what it means
	Risk    string   `json:"risk,omitempty"` // what can happen
	Fix     []string `json:"fix"`            // the next steps; those for one reader only begin with "If"
}

// wireHeadline is the JSON form of a Headline.
type wireHeadline struct {
	Headline
	Advice *Advice `json:"advice,omitempty"`
}

// plain is a Report without its methods.
type plain Report

// wireReport is the JSON form of a Report: what stands first here hides the
// fields of the same name.
type wireReport struct {
	Version  int           `json:"version"`
	Verdict  Verdict       `json:"verdict"`
	Headline *wireHeadline `json:"headline,omitempty"`
	plain
	AllFindings []Placed `json:"all_findings"`
}

// MarshalJSON returns the report's JSON form. It has more than the fields: the
// advice of the headline, and all findings in one list with their places. Lists
// of nothing are written as [].
func (r Report) MarshalJSON() ([]byte, error) {
	w := wireReport{Version: r.Version, Verdict: r.Verdict, plain: plain(r), AllFindings: r.All()}
	if h := r.Headline; h != nil {
		w.Headline = &wireHeadline{Headline: *h}
		if a := r.advice(*h); a != nil {
			w.Headline.Advice = &Advice{Meaning: a.Meaning, Risk: a.Risk, Fix: orEmpty(a.Fix)}
		}
	}
	w.Findings, w.Sent, w.Checks, w.Fetches = orEmpty(r.Findings), orEmpty(r.Sent), orEmpty(r.Checks), orEmpty(r.Fetches)
	w.Certs = append([]Cert{}, r.Certs...)
	for i := range w.Certs {
		w.Certs[i].Names = orEmpty(w.Certs[i].Names)
	}
	w.Paths = make([]Path, len(r.Paths))
	for i, p := range r.Paths {
		p.Findings = orEmpty(p.Findings)
		p.Certs = append([]PathCert{}, p.Certs...)
		for k := range p.Certs {
			pc := &p.Certs[k]
			pc.Findings = orEmpty(pc.Findings)
			if pc.Revocation != nil {
				rev := *pc.Revocation
				rev.Sources = orEmpty(rev.Sources)
				pc.Revocation = &rev
			}
		}
		w.Paths[i] = p
	}
	if r.CT != nil {
		ct := *r.CT
		ct.SCTs, ct.Explain = orEmpty(ct.SCTs), orEmpty(ct.Explain)
		w.CT = &ct
	}
	return json.Marshal(w)
}

// orEmpty is s, or an empty list in the place of nil, which JSON would write as
// null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
