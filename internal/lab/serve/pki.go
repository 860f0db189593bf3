package serve

import (
	"bytes"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// authority is a CA with its list, its responder and its certificate on the
// HTTP server, all of them honest.
type authority struct {
	*forge.CA
	cerURL, crlURL, ocspURL string

	mu      sync.Mutex
	issued  map[string]bool // by serial
	revoked []revocation
	crl     []byte
}

type revocation struct {
	serial []byte
	reason int
}

type pki struct {
	l      *Lab
	root   *authority // trusted
	second *authority // trusted too, for cross-signs
	rogue  *authority // not trusted
	ica    *authority // P-256, issues most leaves
	rsa    *authority // RSA 2048, issues the ones whose signatures are RSA

	logs struct {
		alpha, beta, gamma *ctLog // usable; alpha and gamma have one operator
		retired            *ctLog // retired yesterday
		sharded            *ctLog // takes certificates that end in other years
		tiled              *ctLog // a static-ct log
		frozen             *ctLog // its tree head is three days old
		ahead              *ctLog // its tree head is of tomorrow
		verbose            *ctLog // sends far more than a tree head
		broken             *ctLog // answers nothing
		forged, liar       *ctLog // their answers do not verify
		unlisted           *forge.Key
	}
}

func newPKI(l *Lab) *pki {
	p := &pki{l: l}
	p.root = p.publish(forge.NewRoot("Assay Lab Root", nil), nil)
	p.second = p.publish(forge.NewRoot("Assay Lab Second Root", nil), nil)
	p.rogue = p.publish(forge.NewRoot("Assay Lab Rogue Root", nil), nil)
	p.ica = p.intermediate(p.root, "Assay Lab Issuing CA", nil)
	p.rsa = p.intermediate(p.root, "Assay Lab RSA CA", forge.RSA(2048))
	g := &p.logs
	g.alpha, g.beta, g.gamma = l.newCTLog("alpha", nil), l.newCTLog("beta", nil), l.newCTLog("gamma", nil)
	g.retired, g.sharded = l.newCTLog("retired", nil), l.newCTLog("sharded", nil)
	g.tiled = l.newCTLog("tiled", func(g *ctLog) { g.tiled = true })
	g.frozen = l.newCTLog("frozen", func(g *ctLog) { g.age = 72 * time.Hour })
	g.ahead = l.newCTLog("ahead", func(g *ctLog) { g.age = -24 * time.Hour })
	g.verbose = l.newCTLog("verbose", func(g *ctLog) { g.verbose = true })
	g.broken = l.newCTLog("broken", func(g *ctLog) { g.broken = true })
	g.forged = l.newCTLog("forged", func(g *ctLog) { g.forged = true })
	g.liar = l.newCTLog("liar", func(g *ctLog) { g.liar = true })
	g.unlisted = forge.P256()
	return p
}

// logList is the list of the lab's logs as of at, and extra ones.
func (p *pki) logList(at time.Time, extra ...forge.Log) []byte {
	now := time.Now()
	entry := func(g *ctLog, name, operator string) forge.Log {
		e := forge.Log{Key: g.Key, Description: "Lab " + name, Operator: operator, URL: g.url, Tiled: g.tiled}
		if g.tiled {
			e.MonitoringAt = g.url
		}
		return e
	}
	g := &p.logs
	retired, sharded := entry(g.retired, "Retired", "Delta"), entry(g.sharded, "Sharded", "Epsilon")
	retired.State, retired.StateSince = "retired", now.Add(-24*time.Hour)
	sharded.From, sharded.Until = now.AddDate(2, 0, 0), now.AddDate(3, 0, 0)
	return forge.LogList(at, append([]forge.Log{
		entry(g.alpha, "Alpha", "Alpha Operations"), entry(g.beta, "Beta", "Beta Brothers"), entry(g.gamma, "Gamma", "Alpha Operations"),
		retired, sharded, entry(g.tiled, "Tiled", "Zeta"), entry(g.frozen, "Frozen", "Eta"), entry(g.broken, "Broken", "Theta"),
		entry(g.forged, "Forged", "Iota"), entry(g.liar, "Liar", "Kappa"), entry(g.ahead, "Ahead", "Mu"), entry(g.verbose, "Verbose", "Nu")}, extra...)...)
}

// pointers are the extensions that lead to a's honest services.
func (a *authority) pointers() []forge.Ext {
	return []forge.Ext{forge.AIA([]string{a.ocspURL}, []string{a.cerURL}), forge.CRLDP(a.crlURL)}
}

// intermediate issues a CA certificate with a pointer to its issuer's list.
func (p *pki) intermediate(parent *authority, cn string, key *forge.Key, extra ...forge.Ext) *authority {
	base := []forge.Ext{forge.AIA(nil, []string{parent.cerURL}), forge.CRLDP(parent.crlURL)}
	return p.publish(parent.Intermediate(cn, key, forge.Merge(base, extra...)...), parent)
}

// publish puts a's services on the HTTP server. The parent, if any, learns
// that it has issued a.
func (p *pki) publish(ca *forge.CA, parent *authority) *authority {
	base := p.l.web.claim("/ca/" + slug(string(commonName(ca.Name))))
	a := &authority{CA: ca, issued: map[string]bool{}}
	a.cerURL, a.crlURL, a.ocspURL = p.l.BaseURL+base+".cer", p.l.BaseURL+base+".crl", p.l.BaseURL+base+"/ocsp"
	p.l.web.handle(base+".cer", serveBytes("application/pkix-cert", ca.Raw))
	p.l.web.handle(base+".crl", serveLazy("application/pkix-crl", a.list))
	p.l.web.handle(base+"/ocsp", serveOCSP(a.answer))
	if parent != nil {
		parent.know(ca.Serial)
	}
	return a
}

// commonName returns the text of the last attribute of a name.
func commonName(name []byte) []byte {
	rdns := forge.Children(name)
	if len(rdns) == 0 {
		return []byte("nameless")
	}
	attr := forge.Children(forge.Children(rdns[len(rdns)-1])[0])
	_, text, _ := forge.SplitTLV(attr[1])
	return text
}

func (a *authority) know(serial []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.issued[string(serial)] = true
}

// revoke puts a serial on a's list. All revocations happen before anybody asks.
func (a *authority) revoke(serial []byte, reason int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked = append(a.revoked, revocation{serial, reason})
	a.crl = nil
}

// list returns a's complete CRL.
func (a *authority) list() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.crl == nil {
		var entries []forge.Entry
		for _, r := range a.revoked {
			entries = append(entries, forge.Revoke(r.serial, r.reason))
		}
		a.crl = a.CRL(forge.CRL{Entries: entries})
	}
	return a.crl
}

// answer is a's honest OCSP answer about the certificate that id names.
func (a *authority) answer(q request) []byte {
	return forge.OCSP{Singles: []forge.Single{a.single(q)}, Nonce: q.nonce}.Sign(a.CA)
}

func (a *authority) single(q request) forge.Single {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := forge.Single{ID: q.id, Status: forge.StatusUnknown}
	if a.issued[string(q.serial)] {
		s.Status = forge.StatusGood
	}
	for _, r := range a.revoked {
		if bytes.Equal(r.serial, q.serial) {
			s.Status, s.Reason = forge.StatusRevoked, r.reason
		}
	}
	return s
}
