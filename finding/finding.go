// Package finding is the vocabulary of assay: what can be concluded about a
// certificate, a revocation list, a response, an SCT or a connection, how bad
// it is, and what a person should do about it.
//
// The kinds of findings live in one table, [Kinds]. `assay explain`, the
// documentation page, the JSON schema's enumeration and the texts of every
// report come from it. IDs and their meanings never change; prose may.
//
// The package is pure: it does no I/O and keeps no state. Everything in it is
// safe for concurrent use.
package finding

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ID names a kind of finding: the object, then the defect, in kebab-case, for
// example "cert-expired". An ID is an error so that errors.Is(err, ID) can
// look for it in an assay error; it is never returned as one by itself.
type ID string

// Error returns the ID's text.
func (id ID) Error() string { return string(id) }

// Class groups kinds by what they are about. Like ID it is an error so that
// errors.Is can look for any finding of a class.
type Class string

// Error returns the class's name.
func (c Class) Error() string { return string(c) }

// The classes.
const (
	ClassConnection            Class = "connection"             // reaching the server, the handshake, the protocol spoken
	ClassEncoding              Class = "encoding"               // DER and syntax of certificates
	ClassCertificate           Class = "certificate"            // contents of one certificate: profile, key, algorithms
	ClassPath                  Class = "path"                   // building and validating a path to an anchor
	ClassName                  Class = "name"                   // reference identifiers and name constraints
	ClassRevocation            Class = "revocation"             // authentic bad news or defects of revocation data
	ClassRevocationUnavailable Class = "revocation-unavailable" // no answer to be had; the only class Unknown re-grades
	ClassCT                    Class = "ct"                     // Certificate Transparency
	ClassBudget                Class = "budget"                 // a limit on work was hit
	ClassPolicy                Class = "policy"                 // what the relying party asked for
	ClassProgram               Class = "root-program"           // what root programs trust
	ClassInternal              Class = "internal"               // assay itself failed; always refuses
)

// Severity says how much a finding weighs in a verdict. The zero Severity is
// Error: a finding made without one refuses.
type Severity int8

// The severities, in rising order. Inconclusive means that something required
// could not be decided; it refuses, but it is not evidence of a defect.
const (
	Info Severity = iota - 3
	Warning
	Inconclusive
	Error
)

var severityNames = [...]string{"info", "warning", "inconclusive", "error"}

// String returns the severity's lower-case name.
func (s Severity) String() string {
	if s < Info || s > Error {
		return "error" // fail closed: an unknown severity is the worst one
	}
	return severityNames[s-Info]
}

// MarshalText encodes the severity as its name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText decodes a severity's name.
func (s *Severity) UnmarshalText(b []byte) error {
	for i, n := range severityNames {
		if n == string(b) {
			*s = Info + Severity(i)
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q", Quote(string(b)))
}

// Kind is the table entry of one ID.
type Kind struct {
	ID       ID       // what programs match
	Class    Class    // what programs match when the detail does not matter
	Severity Severity // the default; a policy may move it before the verdict

	// Rank is the specificity used to choose a report's headline: among
	// findings of equal severity the higher rank is the likelier root cause.
	// 0..100; a consequence of something else ranks low.
	Rank int

	Title   string // one line, parameters in braces: "expired on {not-after}"
	Explain string // what it means
	Risk    string // the security perspective
	Fix     string // the next steps
	Spec    string // the clause, e.g. "RFC 5280, 4.1.2.5"

	OpenSSL     string // X509_V_ERR_… name where one exists
	OpenSSLCode int    // its number; 0 where none exists

	// Allowable kinds are added by assay itself and may be waived by name
	// (assay connect --allow). Never set for revoked, chain, name, signature
	// or budget kinds.
	Allowable bool
	Since     string // the version that introduced it
}

// Param is one fact of a finding. Values may come from the peer: print them
// only through [Quote]. Times have the form that [Time] gives.
type Param struct {
	Name, Value string // Name as in {name}
}

// Finding is one conclusion. Its place in a report says what it is about.
type Finding struct {
	ID       ID       // of the table's entry, or "x-..." for an application's own
	Severity Severity // what it weighs in the verdict
	Params   []Param  // the facts, for {name} in the kind's texts
	Policy   string   // the rule that moved the severity away from the kind's default; "" if none
}

// New returns a finding of the kind id with its default severity. kv
// alternates parameter names and values; a last name without a value gets "".
// An id that is not in the table yields an error finding: it refuses.
func New(id ID, kv ...string) Finding {
	f := Finding{ID: id, Severity: Error}
	if k, ok := Lookup(id); ok {
		f.Severity = k.Severity
	}
	for i := 0; i < len(kv); i += 2 {
		p := Param{Name: kv[i]}
		if i+1 < len(kv) {
			p.Value = kv[i+1]
		}
		f.Params = append(f.Params, p)
	}
	return f
}

// With returns a copy of f that has one more parameter.
func (f Finding) With(name, value string) Finding {
	f.Params = append(f.Params[:len(f.Params):len(f.Params)], Param{name, value})
	return f
}

// Graded returns a copy of f with severity s, recording the policy that moved
// it. Grading to the severity f already has changes nothing.
func (f Finding) Graded(s Severity, policy string) Finding {
	if f.Severity != s {
		f.Severity, f.Policy = s, policy
	}
	return f
}

// Param returns the value of the first parameter called name, or "".
func (f Finding) Param(name string) string {
	for _, p := range f.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Kind returns f's table entry; for an unknown ID an entry that has only the ID.
func (f Finding) Kind() Kind {
	if k, ok := Lookup(f.ID); ok {
		return k
	}
	return Kind{ID: f.ID, Class: ClassInternal, Severity: Error, Title: string(f.ID)}
}

// Title returns the kind's title with f's parameters filled in, safe to print:
// every value has gone through [Quote].
func (f Finding) Title() string {
	k, known := Lookup(f.ID)
	switch {
	case f.Param("title") != "" && (!known || k.Class == ClassInternal):
		return Quote(f.Param("title"))
	case !known:
		return Quote(string(f.ID))
	}
	return f.Expand(k.Title)
}

// Expand fills f's parameters, through [Quote], into a text of its kind. Times
// get the form that people read, "2026-11-29 01:08:49 UTC".
func (f Finding) Expand(t string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(t, '{')
		if i < 0 {
			break
		}
		j := strings.IndexByte(t[i:], '}')
		if j < 0 {
			break
		}
		b.WriteString(t[:i])
		if v := f.Param(t[i+1 : i+j]); v != "" {
			b.WriteString(ReadableTimes(Quote(readSource(t[i+1:i+j], v))))
		} else {
			b.WriteString("?")
		}
		t = t[i+j+1:]
	}
	b.WriteString(t)
	return b.String()
}

// sources are the words for the values of the parameter "source".
var sources = map[string]string{"crl": "CRL", "ocsp": "OCSP responder", "staple": "stapled OCSP response", "crlite": "CRLite"}

// readSource returns a parameter's value as people read it: a source of
// revocation information by its name.
func readSource(name, value string) string {
	if word := sources[value]; word != "" && name == "source" {
		return word
	}
	return value
}

// OpenSSL returns OpenSSL's name and number for f, "" and 0 where it has none.
// It is the kind's, but for [NamesMissing]: there OpenSSL tells apart what was
// asked for, which the parameter "form" says.
func (f Finding) OpenSSL() (name string, code int) {
	k := f.Kind()
	if f.ID == NamesMissing {
		switch f.Param("form") {
		case "e-mail address":
			return "X509_V_ERR_EMAIL_MISMATCH", 63
		case "IP address":
			return "X509_V_ERR_IP_ADDRESS_MISMATCH", 64
		}
	}
	return k.OpenSSL, k.OpenSSLCode
}

// String returns "severity id: title".
func (f Finding) String() string {
	return f.Severity.String() + " " + Quote(string(f.ID)) + ": " + f.Title()
}

// wire is the JSON form of a Finding.
type wire struct {
	ID       ID                `json:"id"`
	Class    Class             `json:"class"`
	Severity Severity          `json:"severity"`
	Title    string            `json:"title"`
	Params   map[string]string `json:"params,omitempty"`
	Policy   string            `json:"policy,omitempty"`
	Spec     string            `json:"spec,omitempty"`
	OpenSSL  *wireOpenSSL      `json:"openssl,omitempty"`
}

type wireOpenSSL struct {
	Name string `json:"name"`
	Code int    `json:"code"`
}

// MarshalJSON encodes f with the table's class, title, clause and OpenSSL code.
// Parameter values pass through [Quote].
func (f Finding) MarshalJSON() ([]byte, error) {
	k := f.Kind()
	w := wire{ID: f.ID, Class: k.Class, Severity: f.Severity, Title: f.Title(), Policy: f.Policy, Spec: k.Spec}
	if name, code := f.OpenSSL(); name != "" {
		w.OpenSSL = &wireOpenSSL{name, code}
	}
	if len(f.Params) > 0 {
		w.Params = make(map[string]string, len(f.Params))
		for _, p := range f.Params {
			if _, dup := w.Params[p.Name]; !dup {
				w.Params[p.Name] = Quote(p.Value)
			}
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON decodes what MarshalJSON wrote; texts come from the table.
// Parameters are sorted by name.
func (f *Finding) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*f = Finding{ID: w.ID, Severity: w.Severity, Policy: w.Policy, Params: sortedParams(w.Params)}
	return nil
}
