package assemble

import (
	"maps"
	"slices"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
	"github.com/assaytls/assay/report"
)

// connection tells of the connection, and of the handshake as a check.
func connection(j *Judged, r *report.Report) {
	ev := j.Evidence
	if ev.Source == evidence.SourceFiles {
		return
	}
	check := report.Check{Name: report.HandshakeCheck, Cert: -1, Required: true, State: report.Done}
	if ev.Source == evidence.SourceLook {
		check.Required, check.State, check.Detail = false, report.NotAsked, "the certificates were looked at beside a complete handshake"
	}
	r.Findings = append(r.Findings, seen(ev)...)
	if ev.Unseen != nil {
		r.Findings = append(r.Findings, Failure(ev.Unseen))
	}
	if f := ev.Failure; f != nil {
		check.State, check.Detail = report.NotDone, f.Detail
		r.Findings = append(r.Findings, Failure(f))
	}
	r.Checks = append(r.Checks, check)
	if ev.Source == evidence.SourceLean && ev.Failure == nil {
		r.Checks = append(r.Checks, report.Check{Name: report.AfterHandshakeCheck, Cert: -1, State: report.NotAsked,
			Detail: "the connection was not recorded: assay closed it after the handshake"})
	}
	if j.Detail != Brief || ev.Failure != nil {
		r.Connection, r.Timing = Connection(ev), Timing(ev)
	}
}

// seen are the findings about what was negotiated, which refuse nothing.
func seen(ev *evidence.Evidence) (out []finding.Finding) {
	c := &ev.Connection
	if ev.Failure == nil {
		if c.NoRenegotiationInfo {
			out = append(out, finding.New(finding.RenegotiationUnsafe, "version", tlsnames.Version(c.Version)))
		}
		if c.NoMasterSecret {
			out = append(out, finding.New(finding.MasterSecretPlain, "version", tlsnames.Version(c.Version)))
		}
		if c.ALPNAsked && c.ALPN == "" {
			out = append(out, finding.New(finding.ALPNNotChosen, "offered", strings.Join(c.ALPNOffered, ", ")))
		}
		if a := c.Alert; a != nil && a.Level == 1 && a.Description == 112 {
			out = append(out, finding.New(finding.UnrecognizedNameWarning, "sni", ev.Target.SNI))
		}
	}
	if v := ev.Visit; v != nil && v.Renegotiated {
		why := ""
		if c.ClientCert != "" {
			why = " and requested a client certificate"
		}
		out = append(out, finding.New(finding.RenegotiationFollowed, "path", v.Path, "why", why))
	}
	if v := ev.Visit; v != nil && v.Status != "" && (ev.Failure == nil || ev.Failure.ID != finding.PostHandshakeAuth) {
		out = append(out, finding.New(finding.PathReply, "path", v.Path, "status", v.Status))
	}
	if l := ev.Legacy; l != nil && l.Version != 0 {
		out = append(out, finding.New(finding.LegacyOffered, "version", tlsnames.Version(l.Version)))
	} else if l != nil {
		out = append(out, finding.New(finding.LegacyRefused, "detail", l.Detail))
	}
	return out
}

// Failure is the finding that says why there was no complete handshake.
func Failure(f *evidence.Failure) finding.Finding {
	var kv []string
	for _, name := range slices.Sorted(maps.Keys(f.Params)) {
		kv = append(kv, name, f.Params[name])
	}
	return finding.New(f.ID, kv...)
}

// Connection is what was seen on the wire.
func Connection(ev *evidence.Evidence) *report.Connection {
	c := ev.Connection
	rc := &report.Connection{
		Addr: c.Addr, Proxy: ev.Target.Proxy, ALPN: c.ALPN, ALPNOffered: c.ALPNOffered, ServerName: ev.Target.SNI, Resumed: c.Resumed, ClientCert: c.ClientCert,
		Version: tlsnames.Version(c.Version), Suite: tlsnames.Suite(c.Suite), Group: tlsnames.Group(c.Group),
		Signature: tlsnames.Signature(c.Signature), BytesIn: c.BytesIn, BytesOut: c.BytesOut,
		TLSSCTs: sctCount(ev.TLSSCTs),
	}
	if len(ev.Chain) > 0 {
		rc.Stapled = len(ev.Chain[0].Staple) > 0
	}
	for _, raw := range c.ClientCAs {
		name, _ := cert.ParseName(raw)
		rc.ClientCAs = append(rc.ClientCAs, name.String())
	}
	for _, s := range c.ClientSchemes {
		rc.ClientSchemes = append(rc.ClientSchemes, tlsnames.Signature(s))
	}
	if c.Alert != nil {
		rc.Alert = c.Alert.Name
	}
	for _, a := range ev.Attempts {
		rc.Attempts = append(rc.Attempts, report.Attempt{Addr: a.Addr, Outcome: a.Outcome, MS: Milliseconds(a.Duration), Detail: a.Detail})
	}
	if ev.Probe != nil {
		rc.Probe = ev.Probe.Reason
		rc.Version = tlsnames.Version(ev.Probe.Connection.Version)
		rc.Suite = tlsnames.Suite(ev.Probe.Connection.Suite)
	}
	return rc
}

// Timing is how long the connection took; judging is not in it.
func Timing(ev *evidence.Evidence) *report.Timing {
	c := ev.Connection
	return &report.Timing{DNS: Milliseconds(c.DNS), Connect: Milliseconds(c.Connect), TLS: Milliseconds(c.TLS)}
}

// sctCount counts the SCTs of a SignedCertificateTimestampList without
// reading them.
func sctCount(list []byte) (n int) {
	if len(list) < 2 {
		return 0
	}
	for b := list[2:]; len(b) >= 2; n++ {
		l := int(b[0])<<8 | int(b[1])
		if l > len(b)-2 {
			break
		}
		b = b[2+l:]
	}
	return n
}
