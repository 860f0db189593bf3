package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/internal/jsonbound"
)

// The limits of an Evidence that Decode accepts and Encode writes.
const (
	MaxBytes     = 512 << 20 // of the JSON form
	maxChain     = 1024      // certificates in Chain
	maxExtra     = 65536     // certificates in Extra
	maxArtefacts = 1024
	maxAttempts  = 1024
	maxText      = 4096 // octets of any text but the parameters' names
	maxParams    = 32
	maxNames     = 4096 // acceptable issuers, signature schemes

	maxValues = 200000 // JSON values, at any depth; what the other limits allow has fewer
)

// Encode returns ev's JSON form, indented, with a final newline. The error
// says which field breaks a limit or holds text that is not UTF-8.
func Encode(ev *Evidence) ([]byte, error) {
	if err := ev.validate(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(ev, "", "  ")
	runtime.KeepAlive(ev) // it has the owners of the artefacts' bodies
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return append(b, '\n'), nil
}

// Decode reads the JSON form. It is strict: unknown, repeated and misspelt
// fields, another version, values out of range and anything after the object
// are errors.
func Decode(b []byte) (*Evidence, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("evidence: %d bytes; at most %d are read", len(b), MaxBytes)
	}
	// Before anything is decoded: three octets can become a structure of hundreds.
	if err := jsonbound.Check(b, maxValues); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	if err := checkVersion(b); err != nil {
		return nil, err
	}
	if err := checkKeys(b); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	ev := new(Evidence)
	if err := dec.Decode(ev); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	if err := ev.validate(); err != nil {
		return nil, err
	}
	ev.Time = ev.Time.UTC()
	if ev.Source == "" {
		ev.Source = ev.olderSource()
	}
	return ev, nil
}

// olderSource is the source of evidence saved before it was named: then only
// what was empty had no connection.
func (ev *Evidence) olderSource() Source {
	switch {
	case len(ev.Attempts) > 0 || ev.Failure != nil:
		return SourceDial
	case ev.Connection.Version != 0:
		return SourceHandshake
	}
	return SourceFiles
}

// checkVersion comes first, so that a newer form is called by its name and not
// by the first field that it added.
func checkVersion(b []byte) error {
	var v struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	switch {
	case v.Version == nil:
		return errors.New("evidence: no version: not saved evidence")
	case *v.Version != Version:
		return fmt.Errorf("evidence: version %d; this program reads version %d", *v.Version, Version)
	}
	return nil
}

// maxNesting bounds the depth of the JSON form, which needs seven.
const maxNesting = 16

// checkKeys refuses what encoding/json lets pass: repeated keys, and keys that
// match a field only when case is ignored.
func checkKeys(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	type level struct {
		keys map[string]bool // nil in an array
		key  bool            // the next token is a key
	}
	var stack []level
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].key {
			if name, ok := tok.(string); ok {
				if stack[top].keys[name] || name != strings.ToLower(name) {
					return fmt.Errorf("evidence: key %s is repeated or not in lower case", strconv.QuoteToASCII(name[:min(len(name), 64)]))
				}
				stack[top].keys[name] = true
				stack[top].key = false
				continue
			}
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			if len(stack) >= maxNesting {
				return errors.New("evidence: nested too deeply")
			}
			l := level{}
			if tok == json.Delim('{') {
				l = level{keys: map[string]bool{}, key: true}
			}
			stack = append(stack, l)
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			top--
		}
		if top >= 0 && stack[top].keys != nil {
			stack[top].key = true
		}
	}
}

// validator keeps the first thing found wrong.
type validator struct{ err error }

func (v *validator) require(ok bool, format string, args ...any) {
	if !ok && v.err == nil {
		v.err = fmt.Errorf("evidence: "+format, args...)
	}
}

func (v *validator) text(field, s string) {
	v.require(len(s) <= maxText, "%s is longer than %d bytes", field, maxText)
	v.require(utf8.ValidString(s), "%s is not UTF-8", field)
}

func (v *validator) count(field string, n, limit int) {
	v.require(n <= limit, "%s has %d entries; at most %d are allowed", field, n, limit)
}

func (v *validator) oneOf(field, s string, allowed ...string) {
	for _, a := range allowed {
		if s == a {
			return
		}
	}
	v.require(false, "%s has the unknown value %s", field, strconv.QuoteToASCII(s[:min(len(s), 64)]))
}

func (v *validator) hash(field, s string) {
	ok := len(s) == 0 || len(s) == 64
	for i := range len(s) {
		ok = ok && (s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f')
	}
	v.require(ok, "%s is not a SHA-256 in lower-case hex", field)
}

func (v *validator) duration(field string, d time.Duration) {
	v.require(d >= 0, "%s is negative", field)
}

func (ev *Evidence) validate() error {
	v := &validator{}
	v.evidence(ev)
	v.require(ev.Source != SourceLook, "source is a look at a server, without what it was looked at beside")
	if also := ev.AlsoServes; also != nil {
		v.evidence(also)
		v.require(also.AlsoServes == nil && also.Unseen == nil && also.Probe == nil && also.Visit == nil && also.Legacy == nil, "also_serves has more than a look brings")
		v.require(also.Source == SourceLook || also.Source == SourceDial, "also_serves has the source %q", also.Source)
		v.require(len(also.Chain) > 0, "also_serves has no chain")
		// The limits hold for both together.
		v.count("extra", len(ev.Extra)+len(also.Extra), maxExtra)
		v.count("artefacts", len(ev.Artefacts)+len(also.Artefacts), maxArtefacts)
		v.count("learnt", len(ev.Learnt)+len(also.Learnt), maxLearnt)
		v.count("signers", len(ev.Signers)+len(also.Signers), maxSigners)
	}
	return v.err
}

func (v *validator) evidence(ev *Evidence) {
	v.require(ev.Version == Version, "version %d; this program reads version %d", ev.Version, Version)
	v.oneOf("source", string(ev.Source), "", string(SourceDial), string(SourceLean), string(SourceHandshake), string(SourceLook), string(SourceFiles))
	v.require(!ev.Time.IsZero() && ev.Time.Year() < 10000, "time is missing or out of range")
	for field, s := range map[string]string{"target.input": ev.Target.Input, "target.host": ev.Target.Host, "target.port": ev.Target.Port,
		"target.sni": ev.Target.SNI, "target.proxy": ev.Target.Proxy} {
		v.text(field, s)
	}
	v.count("attempts", len(ev.Attempts), maxAttempts)
	for _, a := range ev.Attempts {
		v.text("attempts.addr", a.Addr)
		v.text("attempts.outcome", a.Outcome)
		v.text("attempts.detail", a.Detail)
		v.duration("attempts.start", a.Start)
		v.duration("attempts.duration", a.Duration)
	}
	v.connection("connection", &ev.Connection)
	v.failure("failure", ev.Failure)
	v.failure("unseen", ev.Unseen)
	if p := ev.Probe; p != nil {
		v.text("probe.reason", p.Reason)
		v.connection("probe.connection", &p.Connection)
		v.failure("probe.failure", p.Failure)
	}
	if l := ev.Visit; l != nil {
		v.text("visit.path", l.Path)
		v.text("visit.status", l.Status)
	}
	if l := ev.Legacy; l != nil {
		v.text("legacy.detail", l.Detail)
	}
	v.count("chain", len(ev.Chain), maxChain)
	v.count("extra", len(ev.Extra), maxExtra)
	v.count("artefacts", len(ev.Artefacts), maxArtefacts)
	for i := range ev.Artefacts {
		v.artefact(&ev.Artefacts[i])
	}
	v.count("learnt", len(ev.Learnt), maxLearnt)
	v.count("signers", len(ev.Signers), maxSigners)
	for i := range ev.Learnt {
		v.learnt(&ev.Learnt[i])
	}
	v.dns(ev.DNS)
	v.count("target.names", len(ev.Target.Names), maxRecords)
	for _, n := range ev.Target.Names {
		v.text("target.names", n)
	}
	v.hash("anchors_hash", ev.AnchorsHash)
	v.hash("log_list_hash", ev.LogListHash)
	v.hash("filters_hash", ev.FiltersHash)
	v.hash("programs_hash", ev.ProgramsHash)
}

func (v *validator) connection(field string, c *Connection) {
	v.text(field+".addr", c.Addr)
	v.text(field+".alpn", c.ALPN)
	v.text(field+".starttls", c.StartTLS)
	v.oneOf(field+".client_cert", c.ClientCert, "", "requested", "sent")
	v.count(field+".alpn_offered", len(c.ALPNOffered), maxNames)
	for _, name := range c.ALPNOffered {
		v.text(field+".alpn_offered", name)
	}
	v.count(field+".client_cas", len(c.ClientCAs), maxNames)
	v.count(field+".client_schemes", len(c.ClientSchemes), maxNames)
	v.require(c.Tickets >= 0 && c.BytesIn >= 0 && c.BytesOut >= 0, "%s has a negative count", field)
	v.duration(field+".dns", c.DNS)
	v.duration(field+".connect", c.Connect)
	v.duration(field+".tls", c.TLS)
	if a := c.Alert; a != nil {
		v.text(field+".alert.name", a.Name)
		v.oneOf(field+".alert.when", a.When, "handshake", "after-handshake")
	}
}

func (v *validator) failure(field string, f *Failure) {
	if f == nil {
		return
	}
	v.require(f.ID != "", "%s.id is missing", field)
	v.text(field+".id", string(f.ID))
	v.text(field+".detail", f.Detail)
	v.oneOf(field+".stage", f.Stage, "dns", "connect", "proxy", "starttls", "handshake", "after-handshake")
	v.count(field+".params", len(f.Params), maxParams)
	for name, value := range f.Params {
		v.require(len(name) <= 64 && utf8.ValidString(name) && name == strings.ToLower(name), "%s.params has a bad name", field)
		v.text(field+".params", value)
	}
}

func (v *validator) artefact(a *Artefact) {
	v.oneOf("artefacts.kind", a.Kind, "crl", "delta-crl", "ocsp", "aia", "ct")
	v.oneOf("artefacts.method", a.Method, "", "GET", "POST")
	v.text("artefacts.url", a.URL)
	v.text("artefacts.failure", string(a.Failure))
	v.text("artefacts.detail", a.Detail)
	v.duration("artefacts.duration", a.Duration)
	v.require(a.Fetched.Year() < 10000, "artefacts.fetched is out of range")
}
