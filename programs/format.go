package programs

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/jsonbound"
	"github.com/assaytls/assay/policy"
)

// The bounds of what [Parse] reads. The tables of all programs have some 800
// certificates in 300 kB.
const (
	MaxSize         = 8 << 20 // bytes of JSON
	maxValues       = 400000  // values of JSON
	maxCertificates = 20000
	maxList         = 100 // of usages, alternatives, names, sources
	maxText         = 500 // bytes of a name or a version
)

// ErrMalformed is what every error of [Parse] and [New] is.
var ErrMalformed = errors.New("not a table of root programs")

// Format is the number of the format that Encode writes and Parse reads.
const Format = 1

// The format: what is known of all programs about one certificate stands together.
type fileJSON struct {
	Number       int         `json:"assay_root_programs"`
	Tables       []tableJSON `json:"tables"`
	Certificates []certJSON  `json:"certificates"`
}

type tableJSON struct {
	Program policy.Program `json:"program"`
	Sources []sourceJSON   `json:"sources"`
}

type sourceJSON struct {
	Name    string    `json:"name"`
	Version string    `json:"version,omitempty"`
	AsOf    time.Time `json:"as_of"`
}

type certJSON struct {
	SHA256  string     `json:"sha256,omitempty"`
	Serial  string     `json:"issuer_serial,omitempty"` // in place of sha256
	Subject string     `json:"subject,omitempty"`       // the first 8 bytes of its MD5
	Name    string     `json:"name,omitempty"`
	In      []ruleJSON `json:"in"`
}

type ruleJSON struct {
	Program            policy.Program  `json:"program"`
	Trust              string          `json:"trust"`
	DistrustAfter      *time.Time      `json:"distrust_after,omitempty"`
	Alternatives       []constraintSet `json:"alternatives,omitempty"`
	EnforceExpiry      bool            `json:"enforce_expiry,omitempty"`
	EnforceConstraints bool            `json:"enforce_constraints,omitempty"`
	Intermediate       bool            `json:"intermediate,omitempty"`
	Usages             []string        `json:"usages,omitempty"`
	NotBefore          *limitJSON      `json:"not_before,omitempty"`
	Disallowed         *limitJSON      `json:"disallowed,omitempty"`
	DisallowedUsages   []string        `json:"disallowed_usages,omitempty"`
	Restricted         bool            `json:"restricted,omitempty"`
	UsagesUnknown      bool            `json:"usages_unknown,omitempty"`
}

type limitJSON struct {
	At     *time.Time `json:"at,omitempty"`
	Usages []string   `json:"usages,omitempty"`
}

type constraintSet struct {
	SCTNotAfter         *time.Time `json:"sct_not_after,omitempty"`
	SCTAllAfter         *time.Time `json:"sct_all_after,omitempty"`
	MinVersion          string     `json:"min_version,omitempty"`
	MaxVersionExclusive string     `json:"max_version_exclusive,omitempty"`
	PermittedDNSNames   []string   `json:"permitted_dns_names,omitempty"`
}

//go:embed tables.json.gz
var embedded []byte

var parseEmbedded = sync.OnceValues(func() (*Tables, error) {
	z, err := gzip.NewReader(bytes.NewReader(embedded))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(z, MaxSize+1))
	if err != nil {
		return nil, err
	}
	return Parse(b)
})

// Embedded returns the tables that are built in. [Tables.Table] tells how old they
// are. They are read once, and the same value is returned every time.
func Embedded() *Tables {
	t, err := parseEmbedded()
	if err != nil {
		return nil // a test reads them; nil accepts nothing
	}
	return t
}

// Parse reads tables in assay's own format, JSON, at most MaxSize bytes. Its errors
// are [ErrMalformed].
func Parse(b []byte) (*Tables, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	if err := jsonbound.Check(b, maxValues); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	var f fileJSON
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if f.Number != Format {
		return nil, fmt.Errorf("%w: it has format %d, and this version of assay reads %d", ErrMalformed, f.Number, Format)
	}
	lists, err := f.lists()
	if err != nil {
		return nil, err
	}
	return New(lists...)
}

// lists sorts the file's certificates by program.
func (f *fileJSON) lists() ([]List, error) {
	lists := make([]List, len(f.Tables))
	at := map[policy.Program]*List{}
	for i, t := range f.Tables {
		lists[i].Program = t.Program
		for _, s := range t.Sources {
			lists[i].Sources = append(lists[i].Sources, Source(s))
		}
		at[t.Program] = &lists[i]
	}
	for _, c := range f.Certificates {
		serial := c.SHA256 == ""
		id, err := hex.DecodeString(c.SHA256 + c.Serial)
		subject, err2 := hex.DecodeString(c.Subject)
		if err != nil || err2 != nil || len(id) != 32 || len(subject) != 0 && len(subject) != 8 {
			return nil, fmt.Errorf("%w: a certificate with the fingerprint %.70q and the subject %.20q", ErrMalformed, c.SHA256, c.Subject)
		}
		for _, r := range c.In {
			l := at[r.Program]
			if l == nil {
				return nil, fmt.Errorf("%w: an entry of %s, which has no table", ErrMalformed, r.Program)
			}
			e, err := r.entry()
			if err != nil {
				return nil, fmt.Errorf("%w: %.70q: %v", ErrMalformed, c.SHA256, err)
			}
			e.Name = c.Name
			if serial {
				e.IssuerSerial = [32]byte(id)
			} else {
				e.SHA256 = [32]byte(id)
			}
			copy(e.SubjectHash[:], subject)
			l.Entries = append(l.Entries, e)
		}
	}
	return lists, nil
}

func (r *ruleJSON) entry() (Entry, error) {
	trust := slices.Index(trustWords, r.Trust)
	if trust <= int(Unlisted) {
		return Entry{}, fmt.Errorf("%.20q is no trust", r.Trust)
	}
	e := Entry{Trust: Trust(trust), DistrustAfter: value(r.DistrustAfter), EnforceExpiry: r.EnforceExpiry, EnforceConstraints: r.EnforceConstraints,
		Intermediate: r.Intermediate, Usages: r.Usages, NotBefore: r.NotBefore.limit(), Disallowed: r.Disallowed.limit(), DisallowedUsages: r.DisallowedUsages,
		Restricted: r.Restricted, UsagesUnknown: r.UsagesUnknown}
	for _, c := range r.Alternatives {
		e.Alternatives = append(e.Alternatives, Constraints{SCTNotAfter: value(c.SCTNotAfter), SCTAllAfter: value(c.SCTAllAfter),
			MinVersion: c.MinVersion, MaxVersionExclusive: c.MaxVersionExclusive, PermittedDNSNames: c.PermittedDNSNames})
	}
	return e, nil
}

func value(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (l *limitJSON) limit() *Limit {
	if l == nil {
		return nil
	}
	return &Limit{At: value(l.At), Usages: l.Usages}
}

func (l *Limit) json() *limitJSON {
	if l == nil {
		return nil
	}
	return &limitJSON{At: pointer(l.At), Usages: l.Usages}
}

// Encode writes the tables in the format that Parse reads: the same tables give
// the same bytes.
func (t *Tables) Encode() []byte {
	f := fileJSON{Number: Format, Tables: []tableJSON{}, Certificates: []certJSON{}}
	certs := map[[32]byte]*certJSON{}
	var order [][32]byte
	for _, p := range t.Programs() {
		own := t.table(p)
		about := tableJSON{Program: p}
		for _, s := range own.Sources {
			about.Sources = append(about.Sources, sourceJSON(s))
		}
		f.Tables = append(f.Tables, about)
		for _, e := range slices.Concat(slices.Collect(maps.Values(own.entries)), slices.Collect(maps.Values(own.bySerial))) {
			id := e.SHA256
			if e.IssuerSerial != [32]byte{} {
				id = e.IssuerSerial
			}
			c := certs[id]
			if c == nil {
				c = e.cert()
				certs[id] = c
				order = append(order, id)
			}
			if c.Name == "" {
				c.Name = e.Name
			}
			if c.Subject == "" && e.SubjectHash != [8]byte{} {
				c.Subject = hex.EncodeToString(e.SubjectHash[:])
			}
			c.In = append(c.In, e.rule(p))
		}
	}
	slices.SortFunc(order, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	for _, id := range order {
		f.Certificates = append(f.Certificates, *certs[id])
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		return nil // only a year beyond 9999 fails, and New takes none
	}
	return b.Bytes()
}

func (e *Entry) cert() *certJSON {
	if e.IssuerSerial != [32]byte{} {
		return &certJSON{Serial: hex.EncodeToString(e.IssuerSerial[:])}
	}
	return &certJSON{SHA256: hex.EncodeToString(e.SHA256[:])}
}

func (e *Entry) rule(p policy.Program) ruleJSON {
	r := ruleJSON{Program: p, Trust: e.Trust.String(), DistrustAfter: pointer(e.DistrustAfter), EnforceExpiry: e.EnforceExpiry,
		EnforceConstraints: e.EnforceConstraints, Intermediate: e.Intermediate, Usages: e.Usages, NotBefore: e.NotBefore.json(),
		Disallowed: e.Disallowed.json(), DisallowedUsages: e.DisallowedUsages, Restricted: e.Restricted, UsagesUnknown: e.UsagesUnknown}
	for _, c := range e.Alternatives {
		r.Alternatives = append(r.Alternatives, constraintSet{SCTNotAfter: pointer(c.SCTNotAfter), SCTAllAfter: pointer(c.SCTAllAfter),
			MinVersion: c.MinVersion, MaxVersionExclusive: c.MaxVersionExclusive, PermittedDNSNames: c.PermittedDNSNames})
	}
	return r
}
