package serve

import (
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// ctServers make the servers of the scenarios of the same group.
var ctServers = map[string]func(*build){
	"sct-embedded": func(b *build) { b.good(nil) },
	"sct-by-tls": func(b *build) {
		b.good(func(s *site) {
			s.noSCTs = true
			raw := b.issue(s).Raw
			s.scts = [][]byte{b.l.pki.logs.alpha.delivered(raw), b.l.pki.logs.beta.delivered(raw)}
		})
	},
	"sct-by-staple":         (*build).sctsByStaple,
	"sct-by-staple-unasked": (*build).sctsByStaple,
	"sct-fetched":           (*build).sctsFetched,
	"sct-fetched-apple":     (*build).sctsFetched,
	"sct-none": func(b *build) {
		b.good(func(s *site) { s.noSCTs = true })
	},
	"sct-none-reported": func(b *build) {
		b.good(func(s *site) { s.noSCTs = true })
	},
	"sct-unknown-log": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{}.SignPrecert(b.l.pki.logs.unlisted, s.issuer.Key, tbs)
		})
	},
	"sct-bad-signature": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{MutateSig: forge.FlipMiddle}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
		})
	},
	"sct-wrong-key": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{LogID: forge.LogID(b.l.pki.logs.alpha.Key)}.SignPrecert(b.l.pki.logs.unlisted, s.issuer.Key, tbs)
		})
	},
	"sct-of-another": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, append(forge.Flip(tbs), 0))
		})
	},
	"sct-from-future": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{Time: time.Now().Add(24 * time.Hour)}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
		})
	},
	"sct-no-log-list": func(b *build) {
		b.good(nil)
	},
	"sct-browser": func(b *build) { b.good(nil) },
	"sct-browser-one": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
		})
	},
	"sct-browser-one-operator": func(b *build) {
		logs := b.l.pki.logs
		b.sct(func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(logs.alpha.Key, s.issuer.Key, tbs) },
			func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(logs.gamma.Key, s.issuer.Key, tbs) })
	},
	"sct-before-retirement": func(b *build) {
		logs := b.l.pki.logs
		b.sct(func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(logs.alpha.Key, s.issuer.Key, tbs) },
			func(s *site, tbs []byte) []byte {
				return forge.SCT{Time: time.Now().Add(-30 * time.Hour)}.SignPrecert(logs.retired.Key, s.issuer.Key, tbs)
			})
	},
	"sct-retirement-ahead": func(b *build) {
		b.stated("retired", 10*24*time.Hour, nil, b.l.pki.logs.alpha.kept)
	},
	"sct-usable-ahead": func(b *build) {
		b.stated("pending", -24*time.Hour, map[string]time.Time{"usable": time.Now().Add(10 * 24 * time.Hour)})
	},
	"sct-state-unknown": func(b *build) {
		b.stated("usable", -48*time.Hour, map[string]time.Time{"suspended": time.Now().Add(-24 * time.Hour)})
	},
	"sct-wrong-interval": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{}.SignPrecert(b.l.pki.logs.sharded.Key, s.issuer.Key, tbs)
		})
	},
	"sct-twice": func(b *build) {
		var first []byte
		one := func(s *site, tbs []byte) []byte {
			if first == nil {
				first = forge.SCT{}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
			}
			return first
		}
		b.sct(one, one)
	},
	"sct-after-retirement": func(b *build) {
		b.sct(func(s *site, tbs []byte) []byte {
			return forge.SCT{}.SignPrecert(b.l.pki.logs.retired.Key, s.issuer.Key, tbs)
		})
	},
}

// sctsByStaple serves a good site whose SCTs are in the staple only.
func (b *build) sctsByStaple() {
	b.good(func(s *site) {
		s.noSCTs = true
		leaf := b.issue(s)
		single := s.issuer.Good(leaf.Serial)
		single.Extensions = []forge.Ext{b.ocspSCTs(leaf.Raw)}
		b.staple(s, forge.OCSP{Singles: []forge.Single{single}}, nil)
	})
}

// sctsFetched serves a good site whose SCTs only the OCSP responder has.
func (b *build) sctsFetched() {
	b.good(func(s *site) {
		s.noSCTs = true
		s.onlyOCSP(b.responder(s, func(_ request, o *forge.OCSP) *forge.CA {
			o.Singles[0].Extensions = []forge.Ext{b.ocspSCTs(s.leaf.Raw)}
			return nil
		}))
	})
}

// ocspSCTs are two SCTs of two operators for an OCSP response.
func (b *build) ocspSCTs(leaf []byte) forge.Ext {
	return forge.OCSPSCTs(forge.SCTList(b.l.pki.logs.alpha.delivered(leaf), b.l.pki.logs.beta.delivered(leaf)))
}

// stated serves a good site with an SCT of a log that the list gives a state since
// that long, and more states, and with the SCTs that the functions return.
func (b *build) stated(state string, since time.Duration, more map[string]time.Time, scts ...embed) {
	key := forge.P256()
	b.list(time.Hour, forge.Log{Key: key, Description: "Lab Stated", Operator: "Lambda", URL: "https://stated.log." + scenarios.Domain + "/",
		State: state, StateSince: time.Now().Add(since), MoreStates: more})
	b.sct(append(scts, func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(key, s.issuer.Key, tbs) })...)
}

// sct serves a good site with the embedded SCTs that the functions return.
func (b *build) sct(scts ...func(s *site, tbs []byte) []byte) {
	s := b.site()
	c := s.cert
	c.Extensions = append(c.Extensions[:len(c.Extensions):len(c.Extensions)], forge.SAN(s.names...))
	s.leaf = s.issuer.WithSCTs(c, func(tbs []byte) (list [][]byte) {
		for _, f := range scts {
			list = append(list, f(s, tbs))
		}
		return list
	})
	s.issuer.know(s.leaf.Serial)
	b.serve(s)
}
