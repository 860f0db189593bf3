package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

type showFlags struct {
	conn    session.Connection
	kind    string
	logList string
	serial  string
	all     bool
	diff    bool
	out     outputFlags
}

// shown is what of each object is wanted.
type shown struct {
	kind    string // what the objects are, or kindAuto
	serial  []byte // the one entry that is looked up; nil for all
	all     bool   // every entry, however many there are
	verbose bool
	logs    *ct.LogList // names the logs; may be nil
}

// The kinds of objects that show decodes.
const (
	kindAuto     = "auto"
	kindCert     = "cert"
	kindCRL      = "crl"
	kindRequest  = "ocsp-request"
	kindResponse = "ocsp-response"
	kindSCTs     = "scts"
)

func (a *app) showCommand() *cobra.Command {
	f := &showFlags{kind: kindAuto}
	c := &cobra.Command{
		Use: "show FILE|TARGET...", Short: "Decode certificates, CRLs, OCSP messages and SCTs", GroupID: "look",
		Long: `Decode what is in a file (PEM, DER, PKCS #7 or saved evidence; - is standard
input), or what a server sends, and list what is wrong with each object by itself, with the
offset in its encoding. Nothing is judged: who signed it does not matter here. CRLite filters
and OneCRL are shown too.

Exit status: 0 everything is decoded and has warnings at most, 1 something is damaged
or has a finding that is worse than a warning, 2 nothing is decodable.`,
		Example: `  assay show chain.pem
  assay show --type ocsp-response answer.der
  assay show --serial 0a:1b:2c ca.crl
  assay show --diff old.pem new.pem
  assay show example.com`,
		Args: command.MinArgs(1, "a file or a server"),
		RunE: func(c *cobra.Command, args []string) error { return a.show(c.Context(), f, args) },
	}
	g := flags.Under(c, "Input")
	g.Word(&f.kind, "type", "what the file holds", kindAuto, kindCert, kindCRL, kindRequest, kindResponse, kindSCTs)
	g.Once(&f.logList, "log-list", "name the logs of SCTs, and verify them, with the list in `FILE` (default: the stored one)")
	g.Text(&f.serial, "serial", "show of CRLs, OCSP responses and OneCRL only the entry of serial number `HEX` (colons may stand in it)")
	g.Switch(&f.diff, "diff", "", "compare the first certificates, or CRLs, of two files or servers; exit status 0 the same, 1 different")
	g.Switch(&f.all, "all", "", "show every entry of a CRL, filter or OneCRL (default: the first 100)")
	f.conn.Add(c)
	f.out.addShow(c)
	return c
}

// what is what the flags ask for.
func (f *showFlags) what() (k shown, err error) {
	k = shown{kind: f.kind, all: f.all, verbose: f.out.verbose}
	if f.serial != "" {
		if k.serial, err = serialNumber(f.serial); err != nil {
			return k, err
		}
	}
	return k, nil
}

// serialNumber reads a serial number in hexadecimal, as programs write it.
func serialNumber(text string) ([]byte, error) {
	digits := strings.NewReplacer(":", "", " ", "").Replace(strings.TrimPrefix(strings.ToLower(text), "0x"))
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 || len(b) > 64 {
		return nil, usagef("--serial: %q is not a serial number in hexadecimal", text)
	}
	return b, nil
}

// object is one thing that was decoded, or could not be.
type object struct {
	Kind     string            `json:"kind"`
	From     string            `json:"from"`
	Cert     *report.Cert      `json:"cert,omitempty"`
	Details  *certDetails      `json:"details,omitempty"`
	CRL      *crlInfo          `json:"crl,omitempty"`
	Request  *requestInfo      `json:"ocsp_request,omitempty"`
	Response *responseInfo     `json:"ocsp_response,omitempty"`
	Filter   *filterInfo       `json:"crlite_filter,omitempty"`
	OneCRL   *oneCRLInfo       `json:"onecrl,omitempty"`
	Health   *healthInfo       `json:"health,omitempty"` // of assay check --issuer
	Rows     []render.Row      `json:"fields,omitempty"` // of objects without a member of their own, and SCTs
	Findings []finding.Finding `json:"findings,omitempty"`
	decoded  bool
	damaged  bool // nothing could be read in its place

	parsed *cert.Certificate // of a certificate
	list   *crl.List         // of a CRL
	scts   []shownSCTs
}

func (a *app) show(ctx context.Context, f *showFlags, args []string) error {
	if err := f.out.check(); err != nil {
		return err
	}
	what, err := f.what()
	if err != nil {
		return err
	}
	logs, err := a.showList(ctx, f)
	if err != nil {
		return err
	}
	what.logs = logs
	limit := f.conn.Timeout
	if limit == 0 {
		limit = session.DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if f.diff {
		return a.showDiff(ctx, f, what, args)
	}
	var all []object
	for _, arg := range args {
		objects, err := a.objects(ctx, f, what, arg)
		if err != nil {
			return err
		}
		all = append(all, objects...)
	}
	return a.tell(all, logs, &f.out)
}

// tell prints what was decoded, and sets the exit status.
func (a *app) tell(all []object, logs *ct.LogList, out *outputFlags) error {
	fields := make([]int, len(all)) // rows that say what a member of the JSON says
	for i, o := range all {
		if o.CRL != nil || o.Request != nil || o.Response != nil || o.Filter != nil || o.OneCRL != nil {
			fields[i] = len(o.Rows)
		}
	}
	showSCTs(all, logs, time.Now())
	decoded := false
	for _, o := range all {
		decoded = decoded || o.decoded
		if o.damaged || report.Worst(o.Findings) >= finding.Inconclusive {
			a.Status = command.Reject
		}
	}
	if !decoded {
		a.Status = command.UsageError
	}
	if out.format == formatJSON {
		for i := range all {
			all[i].Rows = all[i].Rows[fields[i]:]
		}
		return render.Value(a.Stdout, all, true)
	}
	if out.quiet {
		return a.tellBriefly(all)
	}
	var sheets []render.Sheet
	for _, o := range all {
		sheets = append(sheets, o.sheet(out.verbose))
	}
	return render.Sheets(a.Stdout, sheets, out.options(a))
}

// sheet is the object for people. Extensions stand in words below what reports have of a certificate.
func (o *object) sheet(verbose bool) render.Sheet {
	s := render.Sheet{Title: o.Kind + " (" + o.From + ")", Cert: o.Cert, Rows: o.Rows, Findings: o.Findings}
	if o.Cert != nil && o.Details != nil {
		c := *o.Cert
		c.Extensions = nil
		c.Issuer = cmp.Or(c.Issuer, "(empty)")
		s.Cert, s.Rows = &c, append(o.Details.rows(verbose), o.Rows...)
	}
	return s
}

// tellBriefly prints one line for each object: what it is, where, and what names it.
func (a *app) tellBriefly(all []object) error {
	for _, o := range all {
		text := o.Kind + " (" + o.From + ")"
		switch {
		case o.Cert != nil:
			text += "  " + cmp.Or(o.Cert.Subject, "(empty)") + ", serial " + o.Cert.Serial + ", until " + command.When(o.Cert.NotAfter)
		case o.CRL != nil:
			text += fmt.Sprintf("  %s, made %s, next update %s, %d entries", cmp.Or(o.CRL.Issuer, "(empty)"), whenOf(o.CRL.ThisUpdate), whenOf(o.CRL.NextUpdate), o.CRL.Entries)
			if o.CRL.Listed != nil {
				text += ", " + o.CRL.Serial + map[bool]string{true: " is listed", false: " is not listed"}[*o.CRL.Listed]
			}
		case o.Response != nil && len(o.Response.Answers) > 0:
			for _, s := range o.Response.Answers {
				text += "  " + s.ID.Serial + " " + s.String()
			}
		case len(o.Rows) > 0:
			text += "  " + o.Rows[0].Label + ": " + o.Rows[0].Value
		}
		if w := report.WorstFirst(o.Findings); len(w) > 0 {
			text += "  " + string(w[0].ID) + ": " + w[0].Title()
		}
		if _, err := fmt.Fprintln(a.Stdout, command.QuoteLines(text)); err != nil {
			return err
		}
	}
	return nil
}

// fileEndings are those of files, and of no host: no name in the DNS ends in them.
var fileEndings = map[string]bool{".pem": true, ".crt": true, ".cer": true, ".der": true, ".key": true, ".p12": true, ".pfx": true, ".jks": true,
	".crl": true, ".csr": true, ".req": true, ".p7b": true, ".p7c": true, ".p7s": true, ".json": true, ".txt": true, ".yaml": true, ".yml": true,
	".tsq": true, ".tsr": true, ".sct": true, ".ocsp": true, ".ors": true, ".orq": true, ".b64": true, ".bin": true, ".keystore": true, ".truststore": true}

// server reports whether arg names a server and no file.
func server(arg string) (target.Target, bool) {
	if arg == "-" {
		return target.Target{}, false
	}
	t, err := target.Parse(arg)
	if strings.HasPrefix(arg, "https://") {
		return t, err == nil
	}
	if _, statErr := os.Stat(arg); !errors.Is(statErr, fs.ErrNotExist) {
		return t, false
	}
	return t, err == nil && t.Service == "" && !strings.ContainsRune(arg, os.PathSeparator) && !fileEndings[strings.ToLower(filepath.Ext(arg))]
}

// objects decodes what arg names: a file, standard input, or a server.
func (a *app) objects(ctx context.Context, f *showFlags, what shown, arg string) ([]object, error) {
	if t, ok := server(arg); ok {
		return a.serverObjects(ctx, f, what, t)
	}
	b, err := session.ReadFile(arg, a.Stdin, session.MaxCRLFile)
	if err != nil {
		return nil, usagef("%v", err)
	}
	from := session.ShownName(arg)
	if f.kind == kindAuto {
		if o, ok := what.revocationSet(b, from); ok {
			return []object{o}, nil
		}
	}
	objects, err := session.Unpack(ctx, arg, b, f.conn.PassFile)
	if err != nil {
		return nil, usagef("%v", err)
	}
	objects = namedSCTs(objects)
	if objects[0].Kind == bundle.SavedEvidence {
		ev, err := evidence.Decode(bytes.TrimPrefix(b, []byte("\ufeff")))
		if err != nil {
			return nil, usagef("%s is not saved evidence: %v", from, err)
		}
		return what.evidenceObjects(ev, from), nil
	}
	if err := bundle.Whole(objects); err != nil && !slices.ContainsFunc(objects, func(o bundle.Object) bool { return o.Damage == "" }) {
		return nil, usagef("%s %v", from, err)
	}
	return what.open(objects, from), nil
}

// open decodes what was read from one place.
func (k shown) open(objects []bundle.Object, from string) []object {
	var out []object
	counts := map[bundle.Kind]int{} // of what is in a container
	blocks, line := 0, 0
	for i, o := range objects {
		if o.Line != line {
			line = o.Line
			blocks++
			clear(counts)
		}
		place := from
		switch many := objects[0].Line != objects[len(objects)-1].Line; {
		case o.Place != "":
			place = fmt.Sprintf("%s, %s", from, o.Place)
		case many:
			place = fmt.Sprintf("%s, block %d", from, blocks)
		case o.Within == bundle.Unknown && len(objects) > 1:
			place = fmt.Sprintf("%s, object %d", from, i+1)
		}
		if o.Within != bundle.Unknown {
			counts[o.Kind]++
			place += fmt.Sprintf(", %s %d", o.Kind, counts[o.Kind])
		}
		out = append(out, k.openOne(o, place))
	}
	return out
}

// shownAs are the kinds that decode knows.
var shownAs = map[bundle.Kind]string{bundle.Certificate: kindCert, bundle.TrustedCertificate: kindCert, bundle.CRL: kindCRL,
	bundle.OCSPRequest: kindRequest, bundle.OCSPResponse: kindResponse, bundle.SCTList: kindSCTs, bundle.SCT: kindSCTs}

func (k shown) openOne(o bundle.Object, from string) object {
	note := func(title, text string) object {
		return object{Kind: title, From: from, Rows: []render.Row{{Label: "note", Value: text}}}
	}
	switch {
	case o.Kind == bundle.PrivateKey:
		return note("private key", o.What()+"; private keys are not shown")
	case o.Damage != "":
		out := note("unknown", "this cannot be read: "+o.Damage)
		out.damaged = true
		return out
	case o.Kind == bundle.SCT:
		o.Bytes = bundle.ListOf(o.Bytes)
	}
	if k.kind == kindAuto {
		k.kind = shownAs[o.Kind]
	}
	if k.kind == "" {
		return paperObject(o, from)
	}
	return k.decode(o.Bytes, from)
}

// evidenceObjects decodes what a server sent.
func (k shown) evidenceObjects(ev *evidence.Evidence, from string) []object {
	var out []object
	var certs []*cert.Certificate
	scts := func(list []byte, of int, place string) {
		o := k.as(kindSCTs).decode(list, place)
		for i := range o.scts {
			if of < len(certs) {
				o.scts[i].about = certs[of]
			}
		}
		out = append(out, o)
	}
	for i, e := range ev.Chain {
		place := fmt.Sprintf("%s, certificate %d", from, i)
		o := k.as(kindCert).decode(e.Cert, place)
		certs = append(certs, o.parsed)
		out = append(out, o)
		if len(e.Staple) > 0 {
			out = append(out, k.as(kindResponse).decode(e.Staple, place+", stapled"))
		}
		if len(e.SCTs) > 0 && i > 0 {
			scts(e.SCTs, i, place+", TLS extension")
		}
	}
	if len(ev.TLSSCTs) > 0 {
		scts(ev.TLSSCTs, 0, from+", TLS extension")
	}
	for _, art := range ev.Artefacts {
		if len(art.Body) == 0 {
			continue
		}
		kind := ""
		switch art.Kind {
		case "crl", "delta-crl", "crl-file":
			kind = kindCRL
		case "ocsp", "ocsp-file":
			kind = kindResponse
		case "sct-file":
			kind = kindSCTs
		}
		if kind == "" {
			out = append(out, k.as(kindAuto).open(bundle.Read(art.Body, 0), art.URL)...)
			continue
		}
		out = append(out, k.as(kind).decode(art.Body, art.URL))
	}
	return out
}

// serverObjects dials t and decodes what it sends.
func (a *app) serverObjects(ctx context.Context, f *showFlags, what shown, t target.Target) ([]object, error) {
	c, err := f.conn.Config(t)
	if err != nil {
		return nil, err
	}
	if c.Certificate, err = f.conn.ClientCertificate(ctx); err != nil {
		return nil, err
	}
	if t.Hint != "" {
		a.Hint("%s", t.Hint)
	}
	ev := tlsclient.Dial(ctx, c)
	if len(ev.Chain) == 0 {
		u := usagef("%s sent no certificate", t.Input)
		if ev.Failure != nil {
			u.Hint("%s", failureFinding(ev.Failure).Title())
		}
		return nil, u.Hint("assay check %s says more; there is no file of that name", t.Input)
	}
	return what.evidenceObjects(ev, t.Input), nil
}

// failureFinding is the finding behind a failed connection.
func failureFinding(f *evidence.Failure) finding.Finding {
	out := finding.New(f.ID)
	for k, v := range f.Params {
		out = out.With(k, v)
	}
	return out
}

// as is k for objects of a kind.
func (k shown) as(kind string) shown {
	k.kind = kind
	return k
}

// decode decodes b as what k says.
func (k shown) decode(b []byte, from string) object {
	switch k.kind {
	case kindCert:
		return certObject(b, from)
	case kindCRL:
		return k.crlObject(b, from)
	case kindRequest:
		return requestObject(b, from)
	case kindResponse:
		return k.responseObject(b, from)
	case kindSCTs:
		return sctObject(b, from)
	}
	return object{Kind: "unknown", From: from}
}

// certObject decodes a certificate and the SCTs in it.
func certObject(b []byte, from string) object {
	c := cert.Parse(b)
	o := object{Kind: "certificate", From: from, decoded: len(c.RawTBS) > 0}
	o.Findings = append(append(o.Findings, c.Findings...), c.Strict()...)
	if !o.decoded {
		return o
	}
	facts := assemble.Facts(c, report.CertFile)
	facts.Source = ""
	o.Cert = &facts
	o.parsed, o.Details = c, detailsOf(c)
	if len(c.SCTList) > 0 {
		o.scts = append(o.scts, shownSCTs{raw: c.SCTList, source: report.SCTEmbedded, about: c})
	}
	return o
}
