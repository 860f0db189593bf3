package sink

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/report"
)

// gathered is evidence with a body that is large and one that is not.
func gathered(t *testing.T, host string, list []byte) *evidence.Evidence {
	t.Helper()
	ev := &evidence.Evidence{Version: evidence.Version, Target: evidence.Target{Host: host, Port: "443"}, Time: at, Source: evidence.SourceDial,
		Chain: []evidence.Entry{{Cert: []byte("leaf")}, {Cert: []byte("issuer")}}, Artefacts: []evidence.Artefact{
			{Kind: "crl", URL: "http://crl.example/1", Body: list, Fetched: at.Add(time.Second)},
			{Kind: "ocsp", URL: "http://ocsp.example/", Body: []byte("short"), Request: []byte("request"), Fetched: at},
		}}
	if _, err := evidence.Encode(ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

// What a row was judged by comes back octet for octet; a list that many rows
// were judged by is stored once.
func TestEvidence(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	list := bytes.Repeat([]byte("a list of revoked certificates"), 9999)
	b := Batch{Number: 0, Size: 3}
	wanted := map[string]*evidence.Evidence{}
	for i := range 2 {
		r := row(0, i)
		r.Evidence = EvidenceKept
		ev := gathered(t, r.Target[:len(r.Target)-4], list)
		wanted[r.Target] = ev
		e, bodies, err := TakeBodies(i, ev)
		if err != nil || len(bodies) != 1 || len(e.Data) > 4000 || len(ev.Artefacts[0].Body) != len(list) {
			t.Fatalf("%v, %d bodies, %d octets", err, len(bodies), len(e.Data))
		}
		if has := w.HasBody(report.Hash(sha256.Sum256(list))); has != (i == 1) {
			t.Errorf("row %d: the body is stored: %v", i, has)
		}
		if err := w.AddBody(bodies[0]); err != nil {
			t.Fatal(err)
		}
		b.Rows, b.Evidence = append(b.Rows, r), append(b.Evidence, e)
	}
	b.Rows = append(b.Rows, row(0, 2))
	add(t, w, b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for target, want := range wanted {
		ev, err := ReadEvidence(dir, target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := evidence.Encode(ev)
		expected, _ := evidence.Encode(want)
		if err != nil || !bytes.Equal(got, expected) {
			t.Errorf("%v\n%.600s\nwant\n%.600s", err, got, expected)
		}
	}
	if _, err := ReadEvidence(dir, row(0, 2).Target); !errors.Is(err, ErrNoEvidence) {
		t.Errorf("a row without evidence: %v", err)
	}
	files := glob(t, dir, "evidence/bodies/*/*")
	if len(files) != 1 {
		t.Fatalf("%d bodies are stored", len(files))
	}
	other := gathered(t, "x", []byte("another list"))
	if err := w.AddBody(other.Artefacts[0].Body); err != nil {
		t.Fatal(err)
	}
	changed, err := os.ReadFile(bodyName(dir, report.Hash(sha256.Sum256([]byte("another list")))))
	if err == nil {
		err = os.WriteFile(files[0], changed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for target := range wanted {
		if _, err := ReadEvidence(dir, target); err == nil {
			t.Error("a body that is not what its name says is believed")
		}
	}
}
