package report

import (
	"fmt"

	"github.com/assaytls/assay/finding"
)

// DANE is what the TLSA records of the server say about its certificate (RFC
// 6698, 7671).
type DANE struct {
	Result   DANEResult `json:"result"`            // what came of the comparison
	Resolver string     `json:"resolver"`          // who was asked for them
	Channel  string     `json:"channel"`           // how: "loopback", "tls", or "plain", whose word does not count
	Name     string     `json:"name,omitempty"`    // where the records are: "_25._tcp.mx.example.com"
	Names    []string   `json:"names,omitempty"`   // one of them must be in the certificate where a CA is named by a record of usage 2
	Records  []TLSA     `json:"records,omitempty"` // in the order of the answer
	Detail   string     `json:"detail,omitempty"`  // why there is no comparison
}

// DANEResult is what came of DANE.
type DANEResult string

// The results.
const (
	DANEMatch            DANEResult = "match"             // the certificate matches a record
	DANEMismatch         DANEResult = "mismatch"          // there are usable records, and it matches none
	DANENone             DANEResult = "none"              // there are no records
	DANEUnusable         DANEResult = "unusable"          // there are records, and none that can be used
	DANENotAuthenticated DANEResult = "not-authenticated" // records which nobody vouches for: they decide nothing
	DANEFailed           DANEResult = "failed"            // whether there are records is not known
	DANENotCompared      DANEResult = "not-compared"      // the server sent no certificate
)

// TLSA is one TLSA record.
type TLSA struct {
	Usage    int    `json:"usage"`            // 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE
	Selector int    `json:"selector"`         // 0 the certificate, 1 its public key
	Matching int    `json:"matching"`         // 0 in full, 1 SHA-256, 2 SHA-512
	Data     string `json:"data"`             // hex
	Usable   bool   `json:"usable"`           // whether it counts
	Matches  bool   `json:"matches"`          // whether the certificate matches it
	Detail   string `json:"detail,omitempty"` // what it matches, or why it does not
}

// String is the record as zone files have it, long data cut: "3 1 1 4f2a…".
func (t TLSA) String() string {
	data := t.Data
	if len(data) > 16 {
		data = data[:16] + "…"
	}
	return fmt.Sprintf("%d %d %d %s", t.Usage, t.Selector, t.Matching, data)
}

// text says in half a sentence what came of DANE.
func (d *DANE) text() string {
	switch d.Result {
	case DANEMatch:
		for _, t := range d.Records {
			if t.Matches {
				return "the certificate matches the TLSA record " + finding.Quote(t.String())
			}
		}
	case DANEMismatch:
		return "the certificate matches none of " + plural(len(d.Records), "TLSA record")
	case DANENone:
		return "the server has no TLSA record"
	case DANEUnusable:
		return "no TLSA record of the server can be used"
	case DANENotAuthenticated:
		return "the TLSA records are not authenticated and decide nothing"
	case DANEFailed:
		return "the TLSA records could not be looked up"
	}
	return "not compared: no certificate was received"
}

// emphasis is how the result is set.
func (d *DANE) emphasis() Emphasis {
	switch d.Result {
	case DANEMatch:
		return Fine
	case DANEMismatch:
		return Bad
	case DANENone:
		return Plain
	}
	return Caution
}

// briefDANE says what came of DANE, where TLSA records were asked for.
func (r *Report) briefDANE() (items []ViewItem) {
	if r.DANE == nil {
		return nil
	}
	item := ViewItem{Label: "DANE", Text: r.DANE.text()}
	if r.DANE.Result == DANEMismatch {
		item.Class = Bad
	}
	if r.DANE.Result == DANEMatch && has(r.Findings, finding.DANEAlone) {
		item.Text += ", which is not enough for assay"
	}
	return []ViewItem{item}
}

// viewDANE shows every TLSA record and what it was compared with.
func (r *Report) viewDANE() (s ViewSection, ok bool) {
	d := r.DANE
	if d == nil {
		return s, false
	}
	s = ViewSection{Kind: SectionDANE, Title: "DANE"}
	s.Items = append(s.Items, ViewItem{State: finding.Quote(string(d.Result)), Class: d.emphasis(), Text: d.text()})
	s.add("resolver", d.Resolver+", "+channelWords[d.Channel])
	s.add("name", d.Name)
	for _, t := range d.Records {
		text := t.String()
		if t.Detail != "" {
			text += ": " + t.Detail
		}
		s.add("record", text)
	}
	if d.Detail != "" {
		s.Items = append(s.Items, ViewItem{Text: finding.Quote(d.Detail)})
	}
	return s, true
}

var channelWords = map[string]string{
	"loopback": "on this computer", "tls": "over TLS", "plain": "over a path that others can write to",
}
