package lab

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
		alpha, beta, gamma *forge.Key // usable; alpha and gamma have one operator
		retired            *forge.Key // retired yesterday
		sharded            *forge.Key // takes certificates that end in other years
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
	for _, k := range []**forge.Key{&p.logs.alpha, &p.logs.beta, &p.logs.gamma, &p.logs.retired, &p.logs.sharded, &p.logs.unlisted} {
		*k = forge.P256()
	}
	return p
}

func (p *pki) logList() []byte {
	now := time.Now()
	return forge.LogList(now.Add(-time.Hour),
		forge.Log{Key: p.logs.alpha, Description: "Lab Alpha", Operator: "Alpha Operations", URL: "https://alpha.log." + Domain + "/"},
		forge.Log{Key: p.logs.beta, Description: "Lab Beta", Operator: "Beta Brothers", URL: "https://beta.log." + Domain + "/"},
		forge.Log{Key: p.logs.gamma, Description: "Lab Gamma", Operator: "Alpha Operations", URL: "https://gamma.log." + Domain + "/"},
		forge.Log{Key: p.logs.retired, Description: "Lab Retired", Operator: "Delta", URL: "https://retired.log." + Domain + "/",
			State: "retired", StateSince: now.Add(-24 * time.Hour)},
		forge.Log{Key: p.logs.sharded, Description: "Lab Sharded", Operator: "Epsilon", URL: "https://sharded.log." + Domain + "/",
			From: now.AddDate(2, 0, 0), Until: now.AddDate(3, 0, 0)})
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
func (a *authority) answer(q question) []byte {
	return forge.OCSP{Singles: []forge.Single{a.single(q)}, Nonce: q.nonce}.Sign(a.CA)
}

func (a *authority) single(q question) forge.Single {
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
