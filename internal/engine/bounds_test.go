package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
)

// However many addresses a peer makes up, what is remembered of them is bounded.
func TestMemoryIsBounded(t *testing.T) {
	c := newBodyCache()
	for i := range 3 * cacheEntries {
		c.put(fmt.Sprint(i), &cached{body: make([]byte, 10)})
		c.remember(fmt.Sprint(i), fetch.Failure{ID: finding.FetchFailed}, time.Now())
	}
	if len(c.bodies) > cacheEntries || c.bytes != int64(10*len(c.bodies)) || len(c.failed) > cacheEntries {
		t.Errorf("%d bodies of %d octets, %d failures", len(c.bodies), c.bytes, len(c.failed))
	}
	large := make([]byte, cacheBytes/4) // one allocation, counted each time
	for i := range 10 {
		c.put(fmt.Sprint("large", i), &cached{body: large})
	}
	if c.bytes > cacheBytes {
		t.Errorf("%d octets", c.bytes)
	}
	if c.put("large9", &cached{body: large}); c.bytes > cacheBytes {
		t.Errorf("%d octets after the same again", c.bytes)
	}
	root := forge.NewRoot("Root", nil)
	list := root.CRL(forge.CRL{})
	for range 3 * cacheLists {
		if _, err := c.parseList(append([]byte(nil), list...), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.lists) > cacheLists || c.listBytes > int64(len(list)*cacheLists) {
		t.Errorf("%d lists of %d octets", len(c.lists), c.listBytes)
	}
}

// No more downloads run at once than there are slots, and whoever gives up
// waiting for one leaves nothing behind.
func TestFlightsAreBounded(t *testing.T) {
	e, err := New(Options{Anchors: certpath.NewAnchors()})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	started := make(chan struct{}, 2*maxFlights)
	for i := range maxFlights {
		go e.single(context.Background(), fmt.Sprint(i), func(context.Context) fetched {
			started <- struct{}{}
			<-release
			return fetched{outcome: "fetched"}
		})
	}
	for range maxFlights {
		<-started
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := e.single(ctx, "one more", func(context.Context) fetched { t.Error("it ran"); return fetched{} }); got.failure != finding.FetchTimeout {
		t.Errorf("%+v", got)
	}
	for waiting := true; waiting; time.Sleep(time.Millisecond) { // or it might yet get a slot
		e.cache.mu.Lock()
		_, waiting = e.cache.flights["one more"]
		e.cache.mu.Unlock()
	}
	close(release)
	e.Wait()
	if len(e.cache.flights) != 0 {
		t.Errorf("%d flights left", len(e.cache.flights))
	}
	if got := e.single(context.Background(), "panics", func(context.Context) fetched { panic("x") }); got.failure == "" || got.body != nil {
		t.Errorf("a panic: %+v", got)
	}
}

// Of a body with many certificates only the first few are taken.
func TestIssuerCertificatesAreBounded(t *testing.T) {
	var many [][]byte
	for range 100 {
		many = append(many, forge.EmptyName())
	}
	pkcs7 := forge.Seq(forge.OID("1.2.840.113549.1.7.2"), forge.Explicit(0, forge.Seq(forge.Int(1), forge.Set(),
		forge.Seq(forge.OID("1.2.840.113549.1.7.1")), forge.Explicit(0, many...), forge.Set())))
	for _, body := range [][]byte{forge.PEM("CERTIFICATE", many...), pkcs7} {
		certs, err := issuerCertificates(body)
		if err != nil || len(certs) != maxAIACerts {
			t.Errorf("%d certificates, %v", len(certs), err)
		}
	}
}
