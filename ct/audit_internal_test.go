package ct

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// memoryTree is a Merkle tree made by x/mod/sumdb/tlog: the oracle.
type memoryTree struct{ stored []tlog.Hash }

func (m *memoryTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = m.stored[at]
	}
	return out, nil
}

// add appends a leaf by its hash.
func (m *memoryTree) add(t testing.TB, n int64, leaf [32]byte) {
	hs, err := tlog.StoredHashesForRecordHash(n, tlog.Hash(leaf), m)
	if err != nil {
		t.Fatal(err)
	}
	m.stored = append(m.stored, hs...)
}

func (m *memoryTree) root(t testing.TB, size int64) [32]byte {
	h, err := tlog.TreeHash(size, m)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (m *memoryTree) tile(t testing.TB, tl tile) []byte {
	var out []byte
	for i := range tl.width {
		at := tlog.StoredHashIndex(tl.level*tileHeight, int64(tl.index)*tileWidth+int64(i))
		out = append(out, m.stored[at][:]...)
	}
	return out
}

// Proofs made from tiles, and their verification, agree with tlog's for every
// leaf of trees of many sizes.
func TestProofsAgreeWithTlog(t *testing.T) {
	m := &memoryTree{}
	const most = 67000 // three levels of tiles
	rnd := rand.New(rand.NewSource(1))
	var leaves [][32]byte
	for n := range int64(most) {
		var leaf [32]byte
		rnd.Read(leaf[:])
		leaves = append(leaves, leaf)
		m.add(t, n, leaf)
	}
	check := func(size, index int64) {
		t.Helper()
		head := TreeHead{Size: uint64(size), Root: m.root(t, size)}
		tree := tileTree{size: uint64(size), load: func(tl tile) ([]byte, bool) { return m.tile(t, tl), true }}
		path, leaf, ok := tree.proof(uint64(index))
		if !ok || leaf != leaves[index] {
			t.Fatalf("size %d, index %d: ok %v, leaf %x", size, index, ok, leaf)
		}
		want, err := tlog.ProveRecord(size, index, m)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) != len(path) {
			t.Fatalf("size %d, index %d: %d hashes, tlog has %d", size, index, len(path), len(want))
		}
		for i := range want {
			if want[i] != tlog.Hash(path[i]) {
				t.Fatalf("size %d, index %d: hash %d differs", size, index, i)
			}
		}
		if err := VerifyInclusion(head, uint64(index), leaf, path); err != nil {
			t.Fatalf("size %d, index %d: %v", size, index, err)
		}
		for _, bad := range []func() error{
			func() error { return VerifyInclusion(head, uint64(index)+1, leaf, path) },
			func() error { return VerifyInclusion(head, uint64(index)^1, leaf, path) },
			func() error { return VerifyInclusion(head, uint64(index), leaves[(index+1)%most], path) },
			func() error { return VerifyInclusion(head, uint64(index), leaf, append(slices.Clone(path), leaf)) },
			func() error { return VerifyInclusion(head, uint64(index), leaf, path[:max(0, len(path)-1)]) },
		} {
			if bad() == nil && size > 1 {
				t.Fatalf("size %d, index %d: a wrong proof verifies", size, index)
			}
		}
		if len(path) > 0 {
			wrong := slices.Clone(path)
			wrong[rnd.Intn(len(wrong))][rnd.Intn(32)] ^= 1
			if VerifyInclusion(head, uint64(index), leaf, wrong) == nil {
				t.Fatalf("size %d, index %d: a flipped bit verifies", size, index)
			}
		}
	}
	for size := int64(1); size <= 40; size++ {
		for index := range size {
			check(size, index)
		}
	}
	for range 500 {
		size := 1 + rnd.Int63n(most)
		check(size, rnd.Int63n(size))
	}
	for _, size := range []int64{255, 256, 257, 511, 512, 513, 65535, 65536, 65537} {
		check(size, 0)
		check(size, size-1)
		check(size, size/2)
	}
	if VerifyInclusion(TreeHead{Size: 0}, 0, leaves[0], nil) == nil {
		t.Error("an empty tree has a leaf")
	}
}

// Nodes of the tree are not leaves: proofs that stop early, start late or
// belong to no index do not verify even when their hashes fit.
func TestProofShape(t *testing.T) {
	a, b, c, d := [32]byte{1}, [32]byte{2}, [32]byte{3}, [32]byte{4}
	ab, cd := nodeHash(a, b), nodeHash(c, d)
	four := TreeHead{Size: 4, Root: nodeHash(ab, cd)}
	one := TreeHead{Size: 1, Root: ab}
	if err := VerifyInclusion(four, 0, a, [][32]byte{b, cd}); err != nil {
		t.Fatal(err)
	}
	if VerifyInclusion(four, 0, ab, [][32]byte{cd}) == nil {
		t.Error("an inner node is taken for a leaf")
	}
	if VerifyInclusion(one, 0, b, [][32]byte{a}) == nil {
		t.Error("a proof longer than the path verifies")
	}
	if VerifyInclusion(one, 1, ab, nil) == nil {
		t.Error("an index beyond the tree verifies")
	}
	if VerifyInclusion(TreeHead{Size: MaxTreeSize + 1, Root: ab}, 0, ab, nil) == nil {
		t.Error("a tree beyond the limit verifies")
	}
}

func TestTilePath(t *testing.T) {
	for _, c := range []struct {
		tl   tile
		want string
	}{
		{tile{0, 0, 256}, "tile/0/000"},
		{tile{0, 1, 44}, "tile/0/001.p/44"},
		{tile{1, 1234067, 256}, "tile/1/x001/x234/067"},
		{tile{2, 1000, 1}, "tile/2/x001/000.p/1"},
	} {
		if got := c.tl.path(false); got != c.want {
			t.Errorf("%v: %s, want %s", c.tl, got, c.want)
		}
	}
}

// sunlightLog reads the log of the corpus' static-ct tree.
func sunlightLog(t testing.TB) (*Log, string) {
	t.Helper()
	dir := filepath.Join(corpora.Dir(t, "ct"), "sunlight", "skylight-tree")
	b, err := os.ReadFile(filepath.Join(dir, "log.v3.json"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ParseLogList([]byte(`{"operators":[{"name":"Example","tiled_logs":[` + string(b) + `]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return l.order[0], dir
}

// tileEntries splits a static-ct data tile: each entry as a log signs it, up
// to the extensions, and an SCT with its time stamp and extensions.
func tileEntries(t testing.TB, b []byte) (entries [][]byte, scts []*SCT) {
	t.Helper()
	in := cryptobyte.String(b)
	for !in.Empty() {
		var ms uint64
		var kind uint16
		var body, ext, chain cryptobyte.String
		if !in.ReadUint64(&ms) || !in.ReadUint16(&kind) {
			t.Fatal("bad entry")
		}
		entry := append(make([]byte, 10), byte(kind>>8), byte(kind))
		if kind == 1 {
			var hash []byte
			if !in.ReadBytes(&hash, 32) {
				t.Fatal("bad key hash")
			}
			entry = append(entry, hash...)
		}
		if !in.ReadUint24LengthPrefixed(&body) || !in.ReadUint16LengthPrefixed(&ext) {
			t.Fatal("bad body")
		}
		entry = append(append(entry, byte(len(body)>>16), byte(len(body)>>8), byte(len(body))), body...)
		if kind == 1 {
			var pre cryptobyte.String
			if !in.ReadUint24LengthPrefixed(&pre) {
				t.Fatal("bad precertificate")
			}
		}
		if !in.ReadUint16LengthPrefixed(&chain) {
			t.Fatal("bad chain")
		}
		entries = append(entries, entry)
		scts = append(scts, &SCT{Timestamp: ms, Extensions: ext, LogID: [32]byte{}})
	}
	return entries, scts
}

// run drives an audit with a fetcher.
func run(a *Audit, get func(url string) (int, []byte)) {
	for range 10 {
		needs := a.Needs()
		if len(needs) == 0 {
			return
		}
		for _, n := range needs {
			status, body := get(n.URL)
			a.Provide(n.URL, status, body)
		}
	}
}

func oneTask(log *Log, s *SCT, leaf [32]byte, now time.Time) *Audit {
	return &Audit{now: now, answers: map[string]answer{}, tasks: []*auditTask{{log: log, s: s, leaf: leaf}}}
}

func outcome(a *Audit) report.Inclusion {
	c := report.CT{SCTs: make([]report.SCT, 1)}
	a.Fill(&c)
	out := c.SCTs[0].Inclusion
	for _, f := range a.Findings() {
		out += " " + report.Inclusion(f.ID)
	}
	return out
}

// checkpoint signs a tree head as a static-ct log does.
func checkpoint(log *Log, key *forge.Key, head TreeHead) []byte {
	var b cryptobyte.Builder
	b.AddUint16(1)
	b.AddUint64(uint64(head.Time.UnixMilli()))
	b.AddUint64(head.Size)
	b.AddBytes(head.Root[:])
	sig := key.Sign(forge.ECDSAWithSHA256, b.BytesOrPanic())
	id := sha256.Sum256(append([]byte(log.Origin()+"\n\x05"), log.ID[:]...))
	var s cryptobyte.Builder
	s.AddBytes(id[:4])
	s.AddUint64(uint64(head.Time.UnixMilli()))
	s.AddUint16(0x0403)
	s.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(sig) })
	return fmt.Appendf(nil, "%s\n%d\n%s\n\n— %s %s\n", log.Origin(), head.Size, base64.StdEncoding.EncodeToString(head.Root[:]),
		log.Origin(), base64.StdEncoding.EncodeToString(s.BytesOrPanic()))
}

// sunlightTree serves the tiles of a real log from the corpus, which has no
// checkpoint, under one signed here.
func sunlightTree(t testing.TB, size int) (log *Log, head TreeHead, files func(string) (int, []byte), entries [][]byte, scts []*SCT) {
	t.Helper()
	dir := filepath.Join(corpora.Dir(t, "ct"), "sunlight", "testdata", "navigli2025h2", "tile")
	key := forge.P256()
	list, err := ParseLogList(forge.LogList(time.Now(), forge.Log{Key: key, Description: "navigli", Operator: "op", Tiled: true, MMD: 60,
		URL: "https://submit.test/navigli/", MonitoringAt: "https://read.test/navigli/"}))
	if err != nil {
		t.Fatal(err)
	}
	log = list.order[0]
	m := &memoryTree{}
	for i := 0; i < size; i += tileWidth {
		name := fmt.Sprintf("%03d", i/tileWidth)
		b, err1 := os.ReadFile(filepath.Join(dir, "data", name))
		hashes, err2 := os.ReadFile(filepath.Join(dir, "0", name))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		e, s := tileEntries(t, b)
		entries, scts = append(entries, e...), append(scts, s...)
		for k := i; k < min(size, i+tileWidth); k++ {
			m.add(t, int64(k), [32]byte(hashes[32*(k-i):]))
		}
	}
	head = TreeHead{Size: uint64(size), Root: m.root(t, int64(size)), Time: time.Now().UTC().Truncate(time.Millisecond)}
	note := checkpoint(log, key, head)
	files = func(url string) (int, []byte) {
		name, ok := strings.CutPrefix(url, log.Monitoring)
		if name == "checkpoint" {
			return 200, note
		}
		var tl tile
		for level := range 2 {
			for i := 0; i <= size>>(8*level)/tileWidth; i++ {
				if i*tileWidth >= size>>(8*level) {
					continue
				}
				if x := tileAt(uint64(size), level, uint64(i*tileWidth)); x.path(false) == name {
					tl = x
				}
			}
		}
		if !ok || tl.width == 0 {
			return 404, nil
		}
		if tl.level > 0 {
			return 200, m.tile(t, tl)
		}
		b, err := os.ReadFile(filepath.Join(dir, "0", filepath.FromSlash(strings.TrimPrefix(name, "tile/0/"))))
		if err != nil {
			return 404, nil
		}
		return 200, b
	}
	return log, head, files, entries[:size], scts[:size]
}

// Every entry of a real static-ct tree is found by its leaf index through
// tiles under a signed checkpoint; whatever is tampered with is not believed.
func TestSunlightTree(t *testing.T) {
	log, head, files, entries, scts := sunlightTree(t, 3*tileWidth+10)
	now := head.Time.Add(time.Minute)
	for i, s := range scts {
		if at, ok := s.LeafIndex(); !ok || at != uint64(i) {
			t.Fatalf("entry %d: leaf index %d, %v", i, at, ok)
		}
		a := oneTask(log, s, leafHash(entries[i], s), now)
		if run(a, files); outcome(a) != report.Included {
			t.Fatalf("entry %d: %s", i, outcome(a))
		}
	}
	s, leaf := scts[7], leafHash(entries[7], scts[7])
	other := *s
	other.Timestamp++
	tampered := func(name string, mutate func([]byte) []byte) func(string) (int, []byte) {
		return func(url string) (int, []byte) {
			status, b := files(url)
			if strings.HasSuffix(url, name) {
				b = mutate(slices.Clone(b))
			}
			return status, b
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	gone := func(name string) func(string) (int, []byte) {
		return func(url string) (int, []byte) {
			if strings.HasSuffix(url, name) {
				return 404, nil
			}
			return files(url)
		}
	}
	beyond := *s
	beyond.Extensions = []byte{0, 0, 5, 0, 0, 0, 9, 0}
	noIndex := *s
	noIndex.Extensions = nil
	young := beyond
	young.Timestamp = uint64(head.Time.UnixMilli()) - 1000
	for _, c := range []struct {
		name string
		s    *SCT
		leaf [32]byte
		get  func(string) (int, []byte)
		now  time.Time
		want report.Inclusion
	}{
		{"another entry at the index", s, leafHash(entries[7], &other), files, now, "absent ct-not-included"},
		{"index beyond the tree, after the merge delay", &beyond, leaf, files, now, "absent ct-not-included"},
		{"index beyond the tree, before it", &young, leaf, files, now.Add(-70 * time.Second), "pending ct-audit-pending"},
		{"index beyond the tree, the head is old", &young, leaf, files, now.Add(time.Hour), "unavailable ct-audit-unavailable"},
		{"no index", &noIndex, leaf, files, now, "unavailable ct-audit-unavailable"},
		{"flipped leaf tile", s, leaf, tampered("tile/0/000", flip(32*9)), now, "unavailable ct-audit-bad-answer"},
		{"flipped own leaf", s, leaf, tampered("tile/0/000", flip(32*7)), now, report.Included}, // our own hash counts, not the tile's
		{"flipped right edge", s, leaf, tampered("tile/0/003.p/10", flip(3)), now, "unavailable ct-audit-bad-answer"},
		{"short tile", s, leaf, tampered("tile/0/000", func(b []byte) []byte { return b[:len(b)-1] }), now, "unavailable ct-audit-unavailable"},
		{"no tile", s, leaf, gone("tile/0/000"), now, "unavailable ct-audit-unavailable"},
		{"no checkpoint", s, leaf, gone("checkpoint"), now, "unavailable ct-audit-unavailable"},
		{"foreign origin", s, leaf, tampered("checkpoint", flip(1)), now, "unavailable ct-audit-bad-answer"},
		{"checkpoint of another size", s, leaf, tampered("checkpoint", func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "\n778\n", "\n779\n", 1))
		}), now, "unavailable ct-audit-bad-answer"},
	} {
		a := oneTask(log, c.s, c.leaf, c.now)
		if run(a, c.get); outcome(a) != c.want {
			t.Errorf("%s: %s, want %s", c.name, outcome(a), c.want)
		}
	}

	// A log that has grown may have dropped the partial tile: its full successor does.
	a := oneTask(log, s, leaf, now)
	run(a, func(url string) (int, []byte) {
		if strings.HasSuffix(url, "tile/0/003.p/10") {
			return 404, nil
		}
		if strings.HasSuffix(url, "tile/0/003") {
			_, b := files(log.Monitoring + "tile/0/003.p/10")
			return 200, append(b, make([]byte, maxTileBytes-len(b))...)
		}
		return files(url)
	})
	if outcome(a) != report.Included {
		t.Errorf("full tile in place of a partial one: %s", outcome(a))
	}
}

// A checkpoint with one flipped bit in what is signed or in the signature is
// refused.
func TestCheckpointTampered(t *testing.T) {
	log, dir := sunlightLog(t)
	good, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ParseCheckpoint(good, log)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for bit := range 8 {
			b := slices.Clone(good)
			b[i] ^= 1 << bit
			if got, err := ParseCheckpoint(b, log); err == nil {
				t.Errorf("octet %d, bit %d: accepted (%+v, want %+v)", i, bit, got, want)
			}
		}
	}
	text := string(good)
	for name, bad := range map[string]string{
		"size with a leading zero": strings.Replace(text, "\n300\n", "\n0300\n", 1),
		"other key hash":           strings.Replace(text, "kVB1Jg", "kVB1Jh", 1),
		"no signature":             text[:strings.Index(text, "—")],
		"two lines":                strings.Replace(text, "\n300\n", "\n", 1),
		"no blank line":            strings.Replace(text, "\n\n", "\n", 1),
		"huge":                     text + strings.Repeat("\n", maxHeadBytes),
	} {
		if bad == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := ParseCheckpoint([]byte(bad), log); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// The witness has the same note with a second signature.
	cosigned := filepath.Join(dir, "..", "skylight-witness", "000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706", "checkpoint")
	b, err := os.ReadFile(cosigned)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseCheckpoint(b, log); err != nil || got != want {
		t.Errorf("cosigned checkpoint: %+v, %v", got, err)
	}
}

// noteVerifier is a verifier for x/mod/sumdb/note that accepts any signature:
// it only tells whether note reads the same text and key hash.
type noteVerifier struct {
	name string
	hash uint32
}

func (v noteVerifier) Name() string                { return v.name }
func (v noteVerifier) KeyHash() uint32             { return v.hash }
func (v noteVerifier) Verify(msg, sig []byte) bool { return true }

func TestCheckpointAgreesWithNote(t *testing.T) {
	log, dir := sunlightLog(t)
	b, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	_, tail, _ := strings.Cut(string(b), "\n\n")
	sig := noteSignature(tail, log)
	n, err := note.Open(b, note.VerifierList(noteVerifier{log.Origin(), 0x91507526}))
	if err != nil || len(n.Sigs) != 1 {
		t.Fatal(err)
	}
	raw, _ := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if string(raw[4:]) != string(sig) {
		t.Error("another signature than note's")
	}
}
