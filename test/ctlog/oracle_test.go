package ctlog_test

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	ctgo "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/ctutil"
	ctls "github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

func pkcs8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return forge.PEM("PRIVATE KEY", b)
}

// corpus is the directory of a corpus; unless told otherwise, beside assay's
// module, of which this one is a folder.
func corpus(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv("ASSAY_CORPORA") == "" {
		t.Setenv("ASSAY_CORPORA", filepath.Join("..", "..", "shared", "corpora"))
	}
	return corpora.Dir(t, name)
}

// chains are the DER chains of the corpus real-chains, leaf first, with the
// time at which each was good.
func chains(t *testing.T) (out [][][]byte, at []time.Time) {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus(t, "real-chains"), "chains.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Certs  []json.RawMessage
		Chains []struct {
			Leaf          int
			Intermediates []int
			At            time.Time `json:"path_checked_at"`
		}
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	der := func(i int) []byte {
		var text string
		if err := json.Unmarshal(doc.Certs[i], &text); err != nil {
			t.Fatal(err)
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range doc.Chains {
		chain := [][]byte{der(c.Leaf)}
		for _, i := range c.Intermediates {
			chain = append(chain, der(i))
		}
		out, at = append(out, chain), append(at, c.At)
	}
	return out, at
}

// verdicts are ours and certificate-transparency-go's on each embedded SCT.
func verdicts(t *testing.T, list *ct.LogList, keys map[[32]byte]crypto.PublicKey, chain [][]byte, at time.Time) (ours, theirs []bool) {
	t.Helper()
	var path []*cert.Certificate
	var theirChain []*ctx509.Certificate
	for _, der := range chain {
		path = append(path, cert.Parse(der))
		c, err := ctx509.ParseCertificate(der)
		if ctx509.IsFatal(err) {
			return nil, nil
		}
		theirChain = append(theirChain, c)
	}
	for _, s := range ct.CheckSCTs(ct.Input{Path: path, List: list, Time: at}).CT.SCTs {
		if s.Cert == 0 {
			ours = append(ours, s.Status == report.SCTValid)
		}
	}
	raws, err := ct.ParseSCTList(path[0].SCTList)
	if err != nil {
		return ours, nil
	}
	for _, raw := range raws {
		var s ctgo.SignedCertificateTimestamp
		rest, err := ctls.Unmarshal(raw, &s)
		key := keys[s.LogID.KeyID]
		good := err == nil && len(rest) == 0 && key != nil && ctutil.VerifySCT(key, theirChain, &s, true) == nil
		theirs = append(theirs, good && !ctgo.TimestampToTime(s.Timestamp).After(at))
	}
	return ours, theirs
}

// certificate-transparency-go is an oracle: the same verdict on every SCT of
// the real chains and of copies with one flipped bit, the same bytes rebuilt.
func TestOracle(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(corpus(t, "ct"), "log-lists", "gstatic-all_logs_list-89.25.json"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := ct.ParseLogList(raw)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[[32]byte]crypto.PublicKey{}
	for _, l := range list.Logs() {
		keys[l.ID] = l.Key.Public()
	}
	rnd := rand.New(rand.NewSource(7))
	all, at := chains(t)
	total, compared := 0, 0
	for i, chain := range all {
		ours, theirs := verdicts(t, list, keys, chain, at[i])
		if !slices.Equal(ours, theirs) || slices.Contains(ours, false) {
			t.Errorf("chain %d: ours %v, theirs %v", i, ours, theirs)
		}
		total += len(ours)
		compareTBS(t, chain)
		for range 10 {
			bad := slices.Clone(chain)
			bad[0] = slices.Clone(chain[0])
			bad[0][rnd.Intn(len(bad[0]))] ^= 1 << rnd.Intn(8)
			ours, theirs := verdicts(t, list, keys, bad, at[i])
			if theirs == nil || len(ours) != len(theirs) {
				continue // one of the two does not read it
			}
			compared++
			if !slices.Equal(ours, theirs) {
				t.Errorf("flipped copy of chain %d: ours %v, theirs %v", i, ours, theirs)
			}
		}
	}
	if total != 392 || compared < 500 {
		t.Errorf("%d SCTs, %d flipped copies compared", total, compared)
	}
}

func compareTBS(t *testing.T, chain [][]byte) {
	t.Helper()
	var path []*cert.Certificate
	var theirs []*ctx509.Certificate
	for _, der := range chain {
		path = append(path, cert.Parse(der))
		c, err := ctx509.ParseCertificate(der)
		if ctx509.IsFatal(err) {
			t.Fatal(err)
		}
		theirs = append(theirs, c)
	}
	tbs, hash, err := ct.PrecertTBS(path)
	if err != nil {
		t.Error(err)
		return
	}
	leaf, err := ctgo.MerkleTreeLeafForEmbeddedSCT(theirs, 0)
	if err != nil {
		t.Error(err)
		return
	}
	entry := leaf.TimestampedEntry.PrecertEntry
	if !bytes.Equal(entry.TBSCertificate, tbs) || entry.IssuerKeyHash != hash {
		t.Errorf("%s: another TBS or key hash", path[0].Subject)
	}
}
