package serve

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/lab/forge"
)

// filterServers make the servers of the scenarios with CRLite filters.
var filterServers = map[string]func(*build){
	"crlite-good":    func(b *build) { b.good(func(s *site) { b.filters(s, set{}) }) },
	"crlite-revoked": func(b *build) { b.good(func(s *site) { b.filters(s, set{revoked: []bool{true}}) }) },
	"crlite-revoked-by-delta": func(b *build) {
		b.good(func(s *site) { b.filters(s, set{revoked: []bool{false, false, true}}) })
	},
	"crlite-staple-good": func(b *build) {
		b.good(func(s *site) {
			b.filters(s, set{revoked: []bool{true}})
			b.staple(s, forge.OCSP{Singles: []forge.Single{s.issuer.Good(s.leaf.Serial)}}, nil)
		})
	},
	"crlite-ocsp-revoked": func(b *build) {
		b.good(func(s *site) {
			b.filters(s, set{age: 24 * time.Hour})
			s.issuer.revoke(s.leaf.Serial, forge.KeyCompromise)
		})
	},
	"crlite-not-covered":       func(b *build) { b.good(func(s *site) { b.filters(s, set{covers: -time.Hour}) }) },
	"crlite-not-covered-alone": func(b *build) { b.good(func(s *site) { b.filters(s, set{covers: -time.Hour}) }) },
	"crlite-not-enrolled":      func(b *build) { b.good(func(s *site) { b.filters(s, set{stranger: true}) }) },
	"crlite-old":               func(b *build) { b.good(func(s *site) { b.filters(s, set{age: 20 * 24 * time.Hour}) }) },
	"crlite-old-revoked": func(b *build) {
		b.good(func(s *site) { b.filters(s, set{age: 20 * 24 * time.Hour, revoked: []bool{true}}) })
	},
	"crlite-missing": func(b *build) { b.good(nil) },
	"onecrl-intermediate": func(b *build) { // of its own: what is learnt of it stays
		s := b.siteOf(b.ca(b.l.pki.root, "Listed In OneCRL"))
		b.filters(s, set{oneCRL: forge.OneCRL(b.l.pki.root.Name, s.issuer.Serial)})
		b.serve(s)
	},
}

// set is what the filters of a scenario say.
type set struct {
	revoked  []bool        // of the full filter and of each delta; nil: of a full one, false
	age      time.Duration // of the newest
	covers   time.Duration // until when before or after now, 0: in an hour
	stranger bool          // another issuer is enrolled
	oneCRL   []byte
}

// filters makes the filters of a scenario, as files in the lab's directory and
// as the set that is asked.
func (b *build) filters(s *site, want set) {
	leaf := b.issue(s)
	if want.covers == 0 {
		want.covers = time.Hour
	}
	if want.revoked == nil {
		want.revoked = []bool{false}
	}
	ms := func(t time.Time) uint64 { return uint64(t.UnixMilli()) }
	now := time.Now()
	card := forge.Clubcard{Version: 3, Issuers: []forge.ClubcardIssuer{{SPKI: sha256.Sum256(s.issuer.Key.SPKI), Issued: [][]byte{leaf.Serial, forge.RandomSerial(), forge.RandomSerial()}}}}
	if want.stranger {
		card.Issuers[0].SPKI = sha256.Sum256([]byte("another CA"))
	}
	for _, log := range []*forge.Key{b.l.pki.logs.alpha.Key, b.l.pki.logs.beta.Key} {
		card.Logs = append(card.Logs, forge.ClubcardLog{ID: [32]byte(forge.LogID(log)), First: ms(now.AddDate(0, -3, 0)), Last: ms(now.Add(want.covers))})
	}
	from, err := b.l.subdir(b.s.Name + "-files")
	b.must(err)
	for n, revoked := range want.revoked {
		card.Issuers[0].Revoked = nil
		if revoked {
			card.Issuers[0].Revoked = card.Issuers[0].Issued[:1]
		}
		file, err := card.Make()
		b.must(err)
		made := now.Add(-want.age).UTC().AddDate(0, 0, n-len(want.revoked)+1)
		kind := "filter"
		if n > 0 {
			kind += ".delta"
		}
		name := fmt.Sprintf("%s-0-lab.%s", made.Format("20060102"), kind)
		b.must(os.WriteFile(filepath.Join(from, name), file, 0o600))
	}
	if want.oneCRL != nil {
		b.must(os.WriteFile(filepath.Join(from, "onecrl.json"), want.oneCRL, 0o600))
	}
	source, err := filters.ParseSource(from, [32]byte{})
	b.must(err)
	b.s.Filters, err = b.l.subdir(b.s.Name + "-filters")
	b.must(err)
	_, _, err = filters.Update{Dir: b.s.Filters, Source: source}.Run(context.Background())
	b.must(err)
}
