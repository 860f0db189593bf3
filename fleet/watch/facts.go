package watch

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"slices"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// The bounds of what is kept of one report beside the report itself.
const (
	maxFindings = 200
	maxCerts    = 64
	maxText     = 300 // characters of a name
)

// facts are what the database keeps of a report in rows, and compares with what
// there was before.
type facts struct {
	row      report.Row
	seen     bool // the server sent certificates: what is said below is known
	reached  bool // the target answered at all
	leaf     Hash
	spki     Hash
	issuer   Hash // the certificate above the leaf on the chosen path
	chain    []string
	names    map[Hash]*report.Cert
	findings []Finding
	certs    []certificate
	ends     []End
}

// certificate is one that took part, and its place.
type certificate struct {
	sha256 Hash
	der    []byte
	c      *report.Cert
	place  int // on the chosen path, 0 the leaf; -1 when on none
	role   report.Role
}

// factsOf reads a report.
func factsOf(r *report.Report) *facts {
	f := &facts{row: r.Row(), names: map[Hash]*report.Cert{}, ends: Ends(r)}
	f.collect(r)
	f.leaf, f.spki, f.issuer = Hash(f.row.Leaf), Hash(f.row.SPKI), Hash(f.row.Issuer)
	f.seen = f.leaf != (Hash{})
	f.reached = !unreached(r)
	for i, at := range r.Sent {
		if i > 0 && at >= 0 && at < len(r.Certs) && len(f.chain) < maxCerts {
			f.chain = append(f.chain, r.Certs[at].SHA256)
		}
	}
	slices.SortStableFunc(f.findings, func(a, b Finding) int {
		return cmp.Or(-cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.ID, b.ID), cmp.Compare(a.SHA256, b.SHA256))
	})
	f.findings = slices.CompactFunc(f.findings, func(a, b Finding) bool { return a.ID == b.ID && a.SHA256 == b.SHA256 })
	if len(f.findings) > maxFindings {
		f.findings = f.findings[:maxFindings]
	}
	return f
}

// unreached reports whether the verdict says only that nobody answered: no
// connection to a server, no download of a list.
func unreached(r *report.Report) bool {
	if r.Headline == nil || r.Verdict == report.Accept || len(r.Sent) > 0 {
		return false
	}
	class := r.Headline.Finding.Kind().Class
	return class == finding.ClassConnection || class == finding.ClassRevocationUnavailable && r.Connection == nil
}

// collect gathers findings and certificates of a report and of the one about the
// server's other certificate.
func (f *facts) collect(r *report.Report) {
	place := map[int]int{}
	roles := map[int]report.Role{}
	if r.Chosen >= 0 && r.Chosen < len(r.Paths) {
		for i, pc := range r.Paths[r.Chosen].Certs {
			if _, twice := place[pc.Cert]; !twice {
				place[pc.Cert], roles[pc.Cert] = i, pc.Role
			}
		}
	}
	for i := range r.Certs {
		c := &r.Certs[i]
		h := hashOf(c.SHA256)
		if h == (Hash{}) || f.names[h] != nil || len(f.certs) >= maxCerts {
			continue
		}
		at, onPath := place[i]
		if !onPath {
			at = -1
		}
		f.names[h] = c
		f.certs = append(f.certs, certificate{h, derOf(c, h), c, at, roles[i]})
	}
	for at, one := range r.Counted() {
		if at.Also {
			break // r.AlsoServes tells their places
		}
		g := Finding{ID: finding.ID(clip(finding.Quote(string(one.ID)))), Severity: one.Severity, Title: one.Title()}
		if at.Path >= 0 && at.Path < len(r.Paths) && at.Cert >= 0 && at.Cert < len(r.Paths[at.Path].Certs) {
			pc := r.Paths[at.Path].Certs[at.Cert]
			g.Role = pc.Role
			if pc.Cert >= 0 && pc.Cert < len(r.Certs) {
				g.Subject, g.SHA256 = clip(finding.Quote(r.Certs[pc.Cert].Subject)), r.Certs[pc.Cert].SHA256
			}
		}
		g.Cause = causeOf(one, g)
		f.findings = append(f.findings, g)
	}
	if r.AlsoServes != nil {
		f.collect(r.AlsoServes)
	}
}

// derOf returns the certificate's bytes, nil when the report does not have them.
func derOf(c *report.Cert, h Hash) []byte {
	block, _ := pem.Decode([]byte(c.PEM))
	if block == nil || Hash(sha256.Sum256(block.Bytes)) != h {
		return nil
	}
	return block.Bytes
}

// causeOf names what a finding's reason is when it lies outside of the target: an
// address where revocation data was to be had, or a CA's certificate.
func causeOf(f finding.Finding, g Finding) string {
	switch f.Kind().Class {
	case finding.ClassRevocation, finding.ClassRevocationUnavailable:
		if f.ID == finding.CertRevoked {
			break
		}
		if url := f.Param("url"); url != "" {
			return clip(finding.Quote(url))
		}
	case finding.ClassName:
		return ""
	}
	if g.Role != "" && g.Role != report.Leaf && g.SHA256 != "" {
		return "certificate:" + g.SHA256
	}
	return ""
}

// End is a time after which something of a report does not hold any more.
type End struct {
	What    string    `json:"what"`              // "certificate", "staple", "crl", "ocsp", "crlite"
	Subject string    `json:"subject,omitempty"` // of the certificate that ends, or that the list or response is about; quoted
	Role    string    `json:"role,omitempty"`    // of that certificate
	URL     string    `json:"url,omitempty"`     // where the list or response was had; quoted
	At      time.Time `json:"at"`
	Counts  bool      `json:"counts"` // nothing else says the same for longer
}

// Ends lists until when the parts of a report hold: the certificates of the chosen
// path, the staple, and of the lists and responses those that gave a status. One
// that another source outlives does not count. The server's other certificate is
// looked at too.
func Ends(r *report.Report) (ends []End) {
	if r.Chosen >= 0 && r.Chosen < len(r.Paths) {
		for _, pc := range r.Paths[r.Chosen].Certs {
			if pc.Cert < 0 || pc.Cert >= len(r.Certs) {
				continue
			}
			c := &r.Certs[pc.Cert]
			subject := clip(finding.Quote(c.Subject))
			if !c.NotAfter.IsZero() {
				ends = append(ends, End{What: "certificate", Subject: subject, Role: string(pc.Role), At: c.NotAfter, Counts: true})
			}
			if pc.Revocation == nil {
				continue
			}
			var others []End
			longest := -1
			for _, a := range pc.Revocation.Sources {
				if a.NextUpdate.IsZero() || a.Status != report.Good && a.Status != report.Revoked {
					continue
				}
				e := End{What: a.Scheme.String(), Subject: subject, Role: string(pc.Role), URL: clip(finding.Quote(a.URL)), At: a.NextUpdate}
				if a.Scheme == policy.Staple {
					e.Counts = true // a server that stops renewing it is about to break
					ends = append(ends, e)
					continue
				}
				if others = append(others, e); longest < 0 || e.At.After(others[longest].At) {
					longest = len(others) - 1
				}
			}
			if longest >= 0 {
				others[longest].Counts = true
			}
			ends = append(ends, others...)
		}
	}
	if r.AlsoServes != nil {
		ends = append(ends, Ends(r.AlsoServes)...)
	}
	return ends
}

// firstEnd is the first end that counts and lies after now; zero for none.
func firstEnd(ends []End, now time.Time) (first time.Time) {
	for _, e := range ends {
		if e.Counts && e.At.After(now) && (first.IsZero() || e.At.Before(first)) {
			first = e.At
		}
	}
	return first
}

// digest is the same for two reports that come to the same state.
func (f *facts) digest() Hash {
	type brief struct {
		ID       finding.ID
		Severity finding.Severity
		SHA256   string
	}
	var findings []brief
	for _, g := range f.findings {
		if g.Severity >= finding.Warning {
			findings = append(findings, brief{g.ID, g.Severity, g.SHA256})
		}
	}
	b, _ := json.Marshal(struct {
		Verdict            report.Verdict
		Headline           finding.ID
		Leaf, SPKI, Issuer string
		Chain              []string
		Findings           []brief
	}{f.row.Verdict, f.row.Headline, f.leaf.String(), f.spki.String(), f.issuer.String(), f.chain, findings}) // nothing in it fails
	return Hash(sha256.Sum256(b))
}

// clip bounds a text of the peer's.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := 0
	for i := range s {
		if i > maxText-3 {
			break
		}
		n = i
	}
	return s[:n] + "…"
}
