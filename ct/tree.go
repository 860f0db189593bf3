package ct

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// TreeHead is a signed tree head (RFC 6962, 3.5) or a static-ct checkpoint
// whose signature has been verified.
type TreeHead struct {
	Size uint64    // number of entries
	Root [32]byte  // Merkle tree hash of all of them
	Time time.Time // UTC
}

// MaxTreeSize bounds the trees that are audited; leaf indexes have 40 bits.
const MaxTreeSize = 1 << 40

var (
	errTreeSize  = errors.New("the tree size is out of range")
	errHeadShape = errors.New("the tree head is malformed")
	errProof     = errors.New("the inclusion proof does not lead to the root")
)

// leafHash returns the Merkle tree hash of the entry that an SCT promises. The
// data that the SCT's signature covers is the tree's leaf too (RFC 6962, 3.4).
func leafHash(entry []byte, s *SCT) [32]byte {
	leaf := signedData(append(make([]byte, 0, len(entry)+2+len(s.Extensions)), entry...), s)
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(leaf)
	return [32]byte(h.Sum(nil))
}

func nodeHash(left, right [32]byte) [32]byte {
	var buf [65]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[33:], right[:])
	return sha256.Sum256(buf[:])
}

// VerifyInclusion checks that leaf is the entry index of the tree (RFC 6962,
// 2.1.1). nil means that it is.
func VerifyInclusion(head TreeHead, index uint64, leaf [32]byte, proof [][32]byte) error {
	if head.Size > MaxTreeSize || index >= head.Size {
		return errTreeSize
	}
	at, last, h := index, head.Size-1, leaf
	for _, p := range proof {
		if last == 0 {
			return errProof // the proof is longer than the path
		}
		if at&1 == 1 || at == last {
			h = nodeHash(p, h)
			for at&1 == 0 && at != 0 { // the right edge skips levels
				at, last = at>>1, last>>1
			}
		} else {
			h = nodeHash(h, p)
		}
		at, last = at>>1, last>>1
	}
	if last != 0 || h != head.Root {
		return errProof
	}
	return nil
}

// ParseTreeHead reads the answer of get-sth (RFC 6962, 4.3) and verifies its
// signature by the log's key.
func ParseTreeHead(body []byte, log *Log) (TreeHead, error) {
	var in struct {
		Size      *uint64 `json:"tree_size"`
		Time      uint64  `json:"timestamp"`
		Root      []byte  `json:"sha256_root_hash"`
		Signature []byte  `json:"tree_head_signature"`
	}
	if len(body) > maxHeadBytes {
		return TreeHead{}, errHeadShape
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Size == nil || len(in.Root) != 32 {
		return TreeHead{}, errHeadShape
	}
	return newTreeHead(log, *in.Size, [32]byte(in.Root), in.Time, in.Signature)
}

// newTreeHead verifies a DigitallySigned TreeHeadSignature (RFC 6962, 3.5).
func newTreeHead(log *Log, size uint64, root [32]byte, ms uint64, signed []byte) (TreeHead, error) {
	in := cryptobyte.String(signed)
	var hash, alg uint8
	var signature cryptobyte.String
	if !in.ReadUint8(&hash) || !in.ReadUint8(&alg) || !in.ReadUint16LengthPrefixed(&signature) || !in.Empty() {
		return TreeHead{}, errHeadShape
	}
	a, err := signatureAlgorithm(log.Key, hash, alg)
	if err != nil {
		return TreeHead{}, err
	}
	msg := []byte{0, 1} // v1, tree_hash
	msg = binary.BigEndian.AppendUint64(msg, ms)
	msg = binary.BigEndian.AppendUint64(msg, size)
	msg = append(msg, root[:]...)
	if err := log.Key.Verify(nil, a, msg, signature); err != nil {
		return TreeHead{}, err
	}
	if size > MaxTreeSize || ms > lastMillis {
		return TreeHead{}, errTreeSize
	}
	return TreeHead{size, root, millis(ms)}, nil
}

// ParseProof reads the answer of get-proof-by-hash (RFC 6962, 4.5).
func ParseProof(body []byte) (index uint64, proof [][32]byte, err error) {
	var in struct {
		Index *uint64  `json:"leaf_index"`
		Path  [][]byte `json:"audit_path"`
	}
	if len(body) > maxProofBytes {
		return 0, nil, errors.New("the proof is too long")
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Index == nil || len(in.Path) > 64 {
		return 0, nil, errors.New("the proof is malformed")
	}
	for _, h := range in.Path {
		if len(h) != 32 {
			return 0, nil, errors.New("the proof has a hash that is not 32 bytes")
		}
		proof = append(proof, [32]byte(h))
	}
	return *in.Index, proof, nil
}

// Origin returns the name that a static-ct log signs checkpoints with: its
// submission prefix without scheme and final slash.
func (l *Log) Origin() string {
	_, rest, ok := strings.Cut(l.Submission, "://")
	if !ok {
		rest = l.Submission
	}
	return strings.TrimSuffix(rest, "/")
}

// ParseCheckpoint reads a static-ct checkpoint, a signed note, and verifies
// the log's own signature, of the type RFC6962NoteSignature. Other signatures
// of the note, those of witnesses, are skipped.
func ParseCheckpoint(body []byte, log *Log) (TreeHead, error) {
	text, sigs, ok := strings.Cut(string(body), "\n\n")
	if !ok || len(body) > maxHeadBytes {
		return TreeHead{}, errHeadShape
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return TreeHead{}, errHeadShape
	}
	if lines[0] != log.Origin() {
		return TreeHead{}, fmt.Errorf("the checkpoint is of %q, not of %q", lines[0], log.Origin())
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return TreeHead{}, errHeadShape
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != 32 {
		return TreeHead{}, errHeadShape
	}
	signature := noteSignature(sigs, log)
	if len(signature) < 8 {
		return TreeHead{}, errors.New("the checkpoint has no signature by the log's key")
	}
	// A note's text is signed whole by other kinds of keys; this kind covers
	// size, root and time only, so the lines after the root are not authentic
	// and not used.
	return newTreeHead(log, size, [32]byte(root), binary.BigEndian.Uint64(signature), signature[8:])
}

// noteSignature finds the log's signature among a note's signature lines:
// "— name base64(key hash, signature)".
func noteSignature(lines string, log *Log) []byte {
	h := sha256.New()
	h.Write([]byte(log.Origin() + "\n\x05"))
	h.Write(log.ID[:])
	want := h.Sum(nil)[:4]
	for line := range strings.Lines(lines) {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+log.Origin()+" ")
		if !ok {
			continue
		}
		sig, err := base64.StdEncoding.Strict().DecodeString(rest)
		if err == nil && len(sig) > 4 && string(sig[:4]) == string(want) {
			return sig[4:]
		}
	}
	return nil
}

// A tile is 256 hashes, or fewer at the right edge, of one level in eight of a
// static-ct tree.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tile names a tile; width is how many of its hashes the tree has.
type tile struct {
	level int
	index uint64
	width int
}

// path returns the tile's path, that of the full tile when full is set.
func (t tile) path(full bool) string {
	s := fmt.Sprintf("%03d", t.index%1000)
	for n := t.index / 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	s = "tile/" + strconv.Itoa(t.level) + "/" + s
	if t.width < tileWidth && !full {
		s += ".p/" + strconv.Itoa(t.width)
	}
	return s
}

// tileAt returns the tile that holds hash i of the given level of tiles.
func tileAt(size uint64, level int, i uint64) tile {
	t := tile{level: level, index: i / tileWidth}
	t.width = int(min(tileWidth, size>>(tileHeight*level)-t.index*tileWidth))
	return t
}

// tileTree reads a tree of the given size through tiles. Nothing it returns is
// authentic until an inclusion proof made of it has been verified.
type tileTree struct {
	size uint64
	load func(tile) (hashes []byte, ok bool)
	miss bool // a tile was not there
}

// hash returns the hash of the perfect subtree of 2^level leaves number i.
func (t *tileTree) hash(level int, i uint64) (h [32]byte) {
	low := level % tileHeight
	first := i << low // in the row of the tile
	tl := tileAt(t.size, level/tileHeight, first)
	hashes, ok := t.load(tl)
	if !ok || len(hashes) < 32*tl.width {
		t.miss = true
		return h
	}
	at := int(first % tileWidth)
	row := make([][32]byte, 1<<low)
	for k := range row {
		row[k] = [32]byte(hashes[32*(at+k):])
	}
	for ; len(row) > 1; row = row[:len(row)/2] {
		for k := range len(row) / 2 {
			row[k] = nodeHash(row[2*k], row[2*k+1])
		}
	}
	return row[0]
}

// rangeHash returns the tree hash of the leaves in [lo, hi), where lo is a
// multiple of the largest power of two that the range holds.
func (t *tileTree) rangeHash(lo, hi uint64) [32]byte {
	n := hi - lo
	if n&(n-1) == 0 {
		level := bits.TrailingZeros64(n)
		return t.hash(level, lo>>level)
	}
	k := split(n)
	left, right := t.rangeHash(lo, lo+k), t.rangeHash(lo+k, hi)
	return nodeHash(left, right)
}

// split is the largest power of two smaller than n (RFC 6962, 2.1).
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// proof returns the inclusion proof of leaf index, and that leaf's hash as the
// tiles have it. ok is false when tiles are missing: all of them were asked of
// load.
func (t *tileTree) proof(index uint64) (path [][32]byte, leaf [32]byte, ok bool) {
	t.miss = false
	leaf = t.hash(0, index)
	lo, hi := uint64(0), t.size
	for hi-lo > 1 {
		k := split(hi - lo)
		if index < lo+k {
			path = append(path, t.rangeHash(lo+k, hi))
			hi = lo + k
		} else {
			path = append(path, t.rangeHash(lo, lo+k))
			lo += k
		}
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return path, leaf, !t.miss
}
