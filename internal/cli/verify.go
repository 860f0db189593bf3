package cli

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

type verifyFlags struct {
	trust   flags.Trust
	rules   policy.Policy
	logs    session.Logs
	filters session.Filters
	tables  session.Tables
	out     outputFlags

	untrusted, crls, ocsps, scts []string
	evidence, passFile, key      string
}

func (a *app) verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use: "verify FILE...", Short: "Judge certificates from files, offline", GroupID: "judge",
		Long: `Judge certificates from files and fetch nothing. The first certificate of each
FILE (PEM or DER, - is standard input) is the one that is judged; the others in
it may complete its chain. Without --name the answer for a server certificate is
inconclusive at best, unless --no-name says that no name matters.`,
		Example: `  assay verify chain.pem --name example.com
  assay verify leaf.pem --untrusted ca.pem --roots root.pem --crl ca.crl --name a.test
  curl -s -o /dev/null -w '%{certs}' https://example.com | assay verify - --name example.com
  assay check --save-evidence e.json a.test; assay verify --evidence e.json
  assay verify --evidence e.json --format html -o report.html`,
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c.Context(), f, args) },
	}
	flags.TrustFlags(c, &f.trust)
	f.tables.Add(c)
	flags.Policy(c, &f.rules, policy.Verify)
	f.logs.Add(c)
	f.filters.Add(c)
	f.filters.AddFiles(c)
	g, file := flags.Under(c, "Input"), flags.Kind{Type: "FILE"}
	g.List(&f.untrusted, "untrusted", "certificates that may complete the chain; repeatable", file)
	g.List(&f.crls, "crl", "revocation list, PEM or DER; repeatable", file)
	g.List(&f.ocsps, "ocsp", "OCSP response, DER; repeatable", file)
	g.List(&f.scts, "sct", "SCT list as in the TLS extension, binary or base64; repeatable", file)
	g.Text(&f.key, "key", "also check that the private key in `FILE` belongs to the certificate; nothing of it is shown")
	g.Text(&f.passFile, "pass-file", "`FILE` whose first line is the password of an encrypted key, PKCS #12 files and Java key stores (default: ask)")
	g.Text(&f.evidence, "evidence", "judge the saved evidence in `FILE` (check --save-evidence)")
	f.out.add(c)
	return c
}

// policy is the rules that the flags ask for. Only servers are asked for by name.
func (f *verifyFlags) policy() (policy.Policy, error) {
	p := f.rules
	named := len(p.Names) + len(p.RequireDNS) + len(p.RequireIP) + len(p.RequireEmail)
	p.NoName = p.NoName || p.Purpose != policy.PurposeServer && named == 0
	if err := engine.Validate(p); err != nil {
		return p, refusedPolicy(err, p.Allow)
	}
	return p, nil
}

func (a *app) verify(ctx context.Context, f *verifyFlags, args []string) error {
	p, err := f.policy()
	if err != nil {
		return err
	}
	if err := f.out.check(); err != nil {
		return err
	}
	return a.answered(ctx, &f.out, func() error { return a.verified(ctx, f, p, args) })
}

// verified judges the files and prints the answer.
func (a *app) verified(ctx context.Context, f *verifyFlags, p policy.Policy, args []string) error {
	var all []*evidence.Evidence
	if f.evidence != "" {
		if len(args) > 0 {
			return usagef("--evidence and files exclude each other")
		}
		ev, err := a.readEvidence(f.evidence, &f.out)
		if err != nil {
			return err
		}
		all = append(all, ev)
	} else if len(args) == 0 {
		return usagef("assay verify needs a file with certificates").Hint("assay verify --help shows examples")
	}
	offered, extra, err := a.offered(ctx, f)
	if err != nil {
		return err
	}
	stdinUsed := false
	for _, name := range args {
		if name == "-" && stdinUsed {
			return usagef("standard input can be read only once")
		}
		stdinUsed = stdinUsed || name == "-"
		ev, err := a.fileEvidence(ctx, name, f.passFile)
		if err != nil {
			return err
		}
		all = append(all, ev)
	}
	var key publicHalf
	if f.key != "" {
		if key, err = a.publicKeyOf(ctx, f.key, f.passFile); err != nil {
			return err
		}
	}
	a.tellDepth(p)
	f.logs.At = p.Time
	f.trust.Open = session.TrustStores(ctx, f.passFile)
	eng, trust, err := session.Asked{Trust: &f.trust, Logs: &f.logs, Filters: &f.filters, Tables: &f.tables}.Engine(ctx, a.Run, p)
	if err != nil {
		return err
	}
	for i, ev := range all {
		ev.Artefacts = append(ev.Artefacts, offered...)
		ev.Extra = append(ev.Extra, extra...)
		r := eng.Judge(ctx, ev, trust, p, download.Access{Offline: true, NoAIA: true, Audit: f.logs.Audit}, f.out.detail())
		if ctx.Err() != nil {
			return nil
		}
		r.Target.Source = report.FromVerify
		if f.evidence != "" {
			r.Target.Source = report.FromEvidence
		}
		tellKey(r, ev, key)
		if err := a.print(session.Result{Report: r, Evidence: ev}, &f.out, len(all) > 1, i); err != nil {
			return err
		}
	}
	return nil
}

// readEvidence reads what check --save-evidence wrote.
func (a *app) readEvidence(name string, out *outputFlags) (*evidence.Evidence, error) {
	b, err := session.ReadFile(name, a.Stdin, session.MaxCRLFile)
	if err != nil {
		return nil, usagef("--evidence: %v", err)
	}
	out.evidenceHash = evidence.HashOf(b).String()
	ev, err := evidence.Decode(b)
	if err != nil {
		return nil, usagef("--evidence: %s is not saved evidence: %v", session.ShownName(name), err)
	}
	return ev, nil
}

// fileEvidence makes evidence of the certificates in a file, as if a server
// had sent them.
func (a *app) fileEvidence(ctx context.Context, name, passFile string) (*evidence.Evidence, error) {
	b, err := session.ReadFile(name, a.Stdin, session.MaxCertFile)
	if err != nil {
		u := usagef("%v", err)
		if isServer(name) {
			u.Hint("to check a server: assay check %s", name)
		}
		return nil, u
	}
	certs, err := session.Certificates(ctx, a.Run, name, b, passFile)
	if err != nil {
		return nil, err
	}
	ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceFiles, Time: time.Now().UTC(), Target: evidence.Target{Input: name}}
	for _, c := range certs {
		ev.Chain = append(ev.Chain, evidence.Entry{Cert: c})
	}
	return ev, nil
}

// offered reads the files that stand in for downloads, and the untrusted
// certificates.
func (a *app) offered(ctx context.Context, f *verifyFlags) (arts []evidence.Artefact, extra [][]byte, err error) {
	for _, name := range f.untrusted {
		b, err := session.ReadFile(name, nil, session.MaxCertFile)
		if err != nil {
			return nil, nil, usagef("--untrusted: %v", err)
		}
		cs, err := session.Certificates(ctx, a.Run, name, b, f.passFile)
		if err != nil {
			return nil, nil, session.Flagged("--untrusted", err)
		}
		extra = append(extra, cs...)
	}
	for _, k := range []struct {
		flag, kind string
		files      []string
		limit      int64
		want       session.Wanted
	}{
		{"--crl", "crl-file", f.crls, session.MaxCRLFile, session.WantCRLs},
		{"--ocsp", "ocsp-file", f.ocsps, session.MaxCertFile, session.WantResponses},
		{"--sct", "sct-file", f.scts, session.MaxCertFile, session.WantSCTs},
	} {
		for _, name := range k.files {
			b, err := session.ReadFile(name, nil, k.limit)
			if err != nil {
				return nil, nil, usagef("%s: %v", k.flag, err)
			}
			objects := bundle.Read(b, 0)
			if k.kind == "sct-file" {
				objects = namedSCTs(objects)
			}
			objects, err = session.Pick(a.Run, name, objects, k.want)
			if err != nil {
				return nil, nil, session.Flagged(k.flag, err)
			}
			for _, o := range objects {
				switch o.Kind {
				case bundle.SCT:
					o.Bytes = bundle.ListOf(o.Bytes)
				case bundle.SCTList:
					if _, err := ct.ParseSCTList(o.Bytes); err != nil {
						return nil, nil, usagef("--sct: %s is not an SCT list: %v", name, err)
					}
				}
				arts = append(arts, evidence.Artefact{Kind: k.kind, URL: name, Body: o.Bytes, Fetched: time.Now().UTC()})
			}
		}
	}
	return arts, extra, nil
}

// namedSCTs gives an unknown object its kind when it is an SCT list that holds more than assay can
// tell apart from anything else: SCTs of later versions, or in base64.
func namedSCTs(objects []bundle.Object) []bundle.Object {
	if len(objects) != 1 || objects[0].Kind != bundle.Unknown || objects[0].Damage != "" {
		return objects
	}
	if list, err := sctList(objects[0].Bytes); err == nil {
		objects[0].Kind, objects[0].Bytes = bundle.SCTList, list
	}
	return objects
}

// sctList returns the SCT list in b, which is binary or base64.
func sctList(b []byte) ([]byte, error) {
	_, err := ct.ParseSCTList(b)
	if err == nil {
		return b, nil
	}
	if dec, decErr := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), "")); decErr == nil {
		if _, err = ct.ParseSCTList(dec); err == nil {
			return dec, nil
		}
	}
	return nil, err
}
