package cli

import (
	"bytes"
	"context"
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
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

type showFlags struct {
	conn    connFlags
	kind    string
	logList string
	out     outputFlags
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
offset in its encoding. Nothing is judged: who signed it does not matter here.

Exit status: 0 all is decoded, 1 something has an error, 2 nothing is decodable.`,
		Example: `  assay show chain.pem
  assay show --type ocsp-response answer.der
  assay show example.com`,
		Args: minArgs(1, "a file or a server"),
		RunE: func(c *cobra.Command, args []string) error { return a.show(c.Context(), f, args) },
	}
	g := flags.Under(c, "Input")
	g.Word(&f.kind, "type", "what the file holds", kindAuto, kindCert, kindCRL, kindRequest, kindResponse, kindSCTs)
	g.Once(&f.logList, "log-list", "name the logs of SCTs, and verify them, with the list in `FILE` (default: the stored one)")
	f.conn.add(c)
	f.out.add(c)
	return c
}

// object is one thing that was decoded, or could not be.
type object struct {
	Kind     string            `json:"kind"`
	From     string            `json:"from"`
	Cert     *report.Cert      `json:"cert,omitempty"`
	Rows     []render.Row      `json:"fields,omitempty"`
	Findings []finding.Finding `json:"findings,omitempty"`
	decoded  bool
	damaged  bool // nothing could be read in its place

	parsed *cert.Certificate // of a certificate
	scts   []shownSCTs
}

func (a *app) show(ctx context.Context, f *showFlags, args []string) error {
	if err := f.out.check(); err != nil {
		return err
	}
	if f.out.quiet {
		return usagef("-q is not for assay show")
	}
	logs, err := a.showList(ctx, f)
	if err != nil {
		return err
	}
	limit := f.conn.timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var all []object
	for _, arg := range args {
		objects, err := a.objects(ctx, f, arg)
		if err != nil {
			return err
		}
		all = append(all, objects...)
	}
	showSCTs(all, logs, time.Now())
	decoded := false
	for _, o := range all {
		decoded = decoded || o.decoded
		if o.damaged || report.Worst(o.Findings) >= finding.Error {
			a.status = exitReject
		}
	}
	if !decoded {
		a.status = exitUsage
	}
	if f.out.format == formatJSON {
		return render.Value(a.stdout, all, true)
	}
	var sheets []render.Sheet
	for _, o := range all {
		sheets = append(sheets, render.Sheet{Title: o.Kind + " (" + o.From + ")", Cert: o.Cert, Rows: o.Rows, Findings: o.Findings})
	}
	return render.Sheets(a.stdout, sheets, f.out.options(a))
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
	return t, err == nil && !strings.ContainsRune(arg, os.PathSeparator) && !fileEndings[strings.ToLower(filepath.Ext(arg))]
}

// objects decodes what arg names: a file, standard input, or a server.
func (a *app) objects(ctx context.Context, f *showFlags, arg string) ([]object, error) {
	if t, ok := server(arg); ok {
		return a.serverObjects(ctx, f, t)
	}
	b, err := readFile(arg, a.stdin, maxCRLFile)
	if err != nil {
		return nil, usagef("%v", err)
	}
	from := shownName(arg)
	objects, err := a.unpack(ctx, arg, b, f.conn.passFile)
	if err != nil {
		return nil, usagef("%v", err)
	}
	objects = namedSCTs(objects)
	if objects[0].Kind == bundle.SavedEvidence {
		ev, err := evidence.Decode(bytes.TrimPrefix(b, []byte("\ufeff")))
		if err != nil {
			return nil, usagef("%s is not saved evidence: %v", from, err)
		}
		return evidenceObjects(ev, from), nil
	}
	if err := bundle.Whole(objects); err != nil && !slices.ContainsFunc(objects, func(o bundle.Object) bool { return o.Damage == "" }) {
		return nil, usagef("%s %v", from, err)
	}
	return open(objects, f.kind, from), nil
}

// open decodes what was read from one place.
func open(objects []bundle.Object, kind string, from string) []object {
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
		out = append(out, openOne(o, kind, place))
	}
	return out
}

// shownAs are the kinds that decode knows.
var shownAs = map[bundle.Kind]string{bundle.Certificate: kindCert, bundle.TrustedCertificate: kindCert, bundle.CRL: kindCRL,
	bundle.OCSPRequest: kindRequest, bundle.OCSPResponse: kindResponse, bundle.SCTList: kindSCTs, bundle.SCT: kindSCTs}

func openOne(o bundle.Object, kind string, from string) object {
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
	if kind == kindAuto {
		kind = shownAs[o.Kind]
	}
	if kind == "" {
		return paperObject(o, from)
	}
	return decode(o.Bytes, kind, from)
}

// evidenceObjects decodes what a server sent.
func evidenceObjects(ev *evidence.Evidence, from string) []object {
	var out []object
	var certs []*cert.Certificate
	scts := func(list []byte, of int, place string) {
		o := decode(list, kindSCTs, place)
		for i := range o.scts {
			if of < len(certs) {
				o.scts[i].about = certs[of]
			}
		}
		out = append(out, o)
	}
	for i, e := range ev.Chain {
		place := fmt.Sprintf("%s, certificate %d", from, i)
		o := decode(e.Cert, kindCert, place)
		certs = append(certs, o.parsed)
		out = append(out, o)
		if len(e.Staple) > 0 {
			out = append(out, decode(e.Staple, kindResponse, place+", stapled"))
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
			out = append(out, open(bundle.Read(art.Body, 0), kindAuto, art.URL)...)
			continue
		}
		out = append(out, decode(art.Body, kind, art.URL))
	}
	return out
}

// serverObjects dials t and decodes what it sends.
func (a *app) serverObjects(ctx context.Context, f *showFlags, t target.Target) ([]object, error) {
	c, err := f.conn.config(t)
	if err != nil {
		return nil, err
	}
	if c.Certificate, err = f.conn.clientCertificate(ctx); err != nil {
		return nil, err
	}
	if t.Hint != "" {
		a.hint("%s", t.Hint)
	}
	ev := tlsclient.Dial(ctx, c)
	if len(ev.Chain) == 0 {
		u := usagef("%s sent no certificate", t.Input)
		if ev.Failure != nil {
			u.Hint("%s", failureFinding(ev.Failure).Title())
		}
		return nil, u.Hint("assay check %s says more; there is no file of that name", t.Input)
	}
	return evidenceObjects(ev, t.Input), nil
}

// failureFinding is the finding behind a failed connection.
func failureFinding(f *evidence.Failure) finding.Finding {
	out := finding.New(f.ID)
	for k, v := range f.Params {
		out = out.With(k, v)
	}
	return out
}

// decode decodes b as kind.
func decode(b []byte, kind string, from string) object {
	switch kind {
	case kindCert:
		return certObject(b, from)
	case kindCRL:
		return crlObject(b, from)
	case kindRequest:
		return requestObject(b, from)
	case kindResponse:
		return responseObject(b, from)
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
	o.parsed = c
	if len(c.SCTList) > 0 {
		o.scts = append(o.scts, shownSCTs{raw: c.SCTList, source: report.SCTEmbedded, about: c})
	}
	return o
}
