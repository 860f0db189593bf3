package serve

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// ctLog is a Certificate Transparency log on the HTTP server: what is submitted
// is in its tree at once. RFC 6962 logs answer get-sth and get-proof-by-hash,
// tiled ones serve a checkpoint and tiles.
type ctLog struct {
	*forge.Key
	url   string
	tiled bool

	age    time.Duration // how old the tree head is
	broken bool          // answers nothing
	forged bool          // the tree head is signed with another key
	liar   bool          // the proofs lead elsewhere

	verbose bool // sends far more than a tree head

	mu     sync.Mutex
	leaves [][32]byte
}

// newCTLog starts a log. It has some entries of others already, so that proofs
// have a length and tiled logs a second level.
func (l *Lab) newCTLog(name string, edit func(*ctLog)) *ctLog {
	path := l.web.claim("/log/" + name)
	g := &ctLog{Key: forge.P256(), url: l.BaseURL + path + "/"}
	if edit != nil {
		edit(g)
	}
	for i := range 300 {
		g.enter(fmt.Appendf(nil, "entry %d of %s", i, name))
	}
	if g.tiled {
		l.web.handle(path, func(w http.ResponseWriter, r *http.Request) {
			g.serveTiles(w, strings.TrimPrefix(r.URL.Path, path+"/"))
		})
		return g
	}
	l.web.handle(path+"/ct/v1/get-sth", func(w http.ResponseWriter, _ *http.Request) { g.serveTreeHead(w) })
	l.web.handle(path+"/ct/v1/get-proof-by-hash", g.serveProof)
	return g
}

// enter puts a leaf into the tree.
func (g *ctLog) enter(leaf []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leaves = append(g.leaves, sha256.Sum256(append([]byte{0}, leaf...)))
}

// promise describes an SCT that the log keeps: what is signed is entered.
func (g *ctLog) promise() forge.SCT {
	s := forge.SCT{Entry: g.enter}
	if g.tiled {
		g.mu.Lock()
		defer g.mu.Unlock()
		s.Extensions = forge.LeafIndex(uint64(len(g.leaves)))
	}
	return s
}

// treeHash is the hash of a list of leaves (RFC 6962, 2.1).
func treeHash(leaves [][32]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := split(len(leaves))
	return nodeHash(treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// auditPath is the proof that leaf i is in the tree (RFC 6962, 2.1.1).
func auditPath(leaves [][32]byte, i int) [][]byte {
	if len(leaves) <= 1 {
		return [][]byte{}
	}
	k := split(len(leaves))
	side, h := leaves[:k], treeHash(leaves[k:])
	if i >= k {
		side, h, i = leaves[k:], treeHash(leaves[:k]), i-k
	}
	return append(auditPath(side, i), h[:])
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

func nodeHash(left, right [32]byte) [32]byte {
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func (g *ctLog) head() forge.TreeHead {
	return forge.TreeHead{Size: uint64(len(g.leaves)), Root: treeHash(g.leaves), Time: time.Now().Add(-g.age)}
}

func (g *ctLog) signer() *forge.Key {
	if g.forged {
		return forge.P256()
	}
	return g.Key
}

func (g *ctLog) serveTreeHead(w http.ResponseWriter) {
	if g.broken {
		http.Error(w, "the database is away", http.StatusServiceUnavailable)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.head()
	if g.verbose {
		w.Write(bytes.Repeat([]byte(" "), 100<<10))
	}
	reply(w, map[string]any{"tree_size": h.Size, "timestamp": h.Time.UnixMilli(), "sha256_root_hash": h.Root[:], "tree_head_signature": h.Sign(g.signer())})
}

func (g *ctLog) serveProof(w http.ResponseWriter, r *http.Request) {
	hash, err := base64.StdEncoding.DecodeString(r.FormValue("hash"))
	size, sizeErr := strconv.Atoi(r.FormValue("tree_size"))
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil || len(hash) != 32 || sizeErr != nil || size < 1 || size > len(g.leaves) {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	i := slices.Index(g.leaves[:size], [32]byte(hash))
	if i < 0 {
		http.Error(w, "no such entry", http.StatusNotFound)
		return
	}
	path := auditPath(g.leaves[:size], i)
	if g.liar {
		path[0] = forge.Flip(path[0])
	}
	reply(w, map[string]any{"leaf_index": i, "audit_path": path})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// serveTiles answers for the read side of a static-ct log: "checkpoint",
// "tile/<level>/<index>" and partial tiles with ".p/<width>" behind. The tree
// has fewer than a thousand tiles in a row.
func (g *ctLog) serveTiles(w http.ResponseWriter, name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if name == "checkpoint" {
		w.Write(g.head().Checkpoint(g.signer(), g.Key, g.origin()))
		return
	}
	name, partial, _ := strings.Cut(name, ".p/")
	var level, index int
	if n, _ := fmt.Sscanf(name, "tile/%1d/%03d", &level, &index); n != 2 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	each := 1 << (8 * level)
	width := min(256, len(g.leaves)/each-256*index)
	if want, err := strconv.Atoi(partial); partial != "" && err == nil && want < width {
		width = want
	} else if partial == "" && width < 256 {
		width = 0
	}
	if width < 1 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	for i := range width {
		from := (256*index + i) * each
		h := treeHash(g.leaves[from : from+each])
		w.Write(h[:])
	}
}

// origin is the name in a tiled log's checkpoints.
func (g *ctLog) origin() string {
	return strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/")
}
