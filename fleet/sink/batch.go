package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/assaytls/assay/report"
)

// Batch is what a worker hands over: results of targets of one batch of the
// list, all of them or some.
//
// Batch number and position together name one target of the list, for ever. A
// row that is stored already is not stored again, whoever brings it; so a batch
// may come in pieces, and may come twice.
type Batch struct {
	Number uint64 // of the batch, from 0
	Size   int    // targets of the whole batch, 1 to MaxRows

	Rows         []Row         // in any order, each position at most once
	Certificates []Certificate // that the rows refer to, each once; those that were handed over lately may be missing
	Evidence     []Evidence    // of rows of this piece
}

// Evidence is what one row was judged by.
type Evidence struct {
	Position int           // of the row
	Data     []byte        // the JSON form of package evidence, without the bodies below
	Bodies   []report.Hash // SHA-256 of the bodies that were taken out, in order; see [TakeBodies]
}

// The limits of a batch and of its messages.
const (
	MaxRows     = 10000      // targets of a batch
	MaxMessage  = 900 << 10  // octets of a message that Encode makes: JetStream takes 1 MiB
	maxMessage  = 1 << 20    // octets of a message that Decode reads
	maxPlain    = 64 << 20   // octets that a message holds when decompressed
	maxCerts    = 16 * 10000 // certificates of a message
	maxEvidence = 16 << 20   // octets of one row's evidence
	maxBodies   = 1024       // bodies of one row's evidence
)

// ErrMessage is what errors.Is finds in every error about a message or a batch
// that cannot be stored. Whoever made it must change; sending it again is no use.
var ErrMessage = errors.New("the message holds no batch that can be stored")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMessage, fmt.Errorf(format, args...))
}

// check says what in the batch cannot be stored.
func (b *Batch) check() error {
	if b.Size < 1 || b.Size > MaxRows || len(b.Rows) > b.Size {
		return malformed("a batch of %d targets with %d rows", b.Size, len(b.Rows))
	}
	seen := make([]bool, b.Size)
	for i := range b.Rows {
		r := &b.Rows[i]
		if err := r.check(); err != nil {
			return malformed("row %d: %w", i, err)
		}
		if r.Position >= b.Size || seen[r.Position] {
			return malformed("row %d has position %d of %d", i, r.Position, b.Size)
		}
		seen[r.Position] = true
	}
	if len(b.Certificates) > maxCerts {
		return malformed("%d certificates", len(b.Certificates))
	}
	for i := range b.Certificates {
		if err := b.Certificates[i].check(); err != nil {
			return malformed("%w", err)
		}
	}
	for _, e := range b.Evidence {
		if e.Position < 0 || e.Position >= b.Size || !seen[e.Position] {
			return malformed("evidence of position %d, which has no row here", e.Position)
		}
		if len(e.Data) > maxEvidence || len(e.Bodies) > maxBodies {
			return malformed("the evidence is too large")
		}
		if !json.Valid(e.Data) {
			return malformed("the evidence is no JSON")
		}
	}
	return nil
}

// zstdCoders are shared: both are safe for concurrent EncodeAll and DecodeAll.
var (
	zstdEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	zstdDecoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPlain), zstd.WithDecoderMaxWindow(8<<20))
)

// Encode returns the batch as messages of at most MaxMessage octets, one as a
// rule; all of them must reach a Writer, in any order. Evidence that alone is
// too large is left out and its row says so, and so is the DER of a certificate.
// The error is an [ErrMessage].
func (b Batch) Encode() ([][]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	whole := b
	whole.Rows, whole.Certificates = slices.Clone(b.Rows), slices.Clone(b.Certificates)
	return whole.encode()
}

func (b Batch) encode() ([][]byte, error) {
	plain := b.append(make([]byte, 0, 32<<10))
	if len(plain) <= maxPlain {
		if msg := zstdEncoder.EncodeAll(plain, make([]byte, 0, len(plain)/3)); len(msg) <= MaxMessage {
			return [][]byte{msg}, nil
		}
	}
	if len(b.Rows) > 1 {
		return b.halve()
	}
	// One row that is too large, with its certificates and evidence.
	for i := range b.Evidence {
		for k := range b.Rows {
			if b.Rows[k].Position == b.Evidence[i].Position {
				b.Rows[k].Evidence = EvidenceDropped
			}
		}
	}
	if len(b.Evidence) > 0 {
		b.Evidence = nil
		return b.encode()
	}
	if len(b.Certificates) > 1 {
		half := len(b.Certificates) / 2
		first, second := b, Batch{Number: b.Number, Size: b.Size, Certificates: b.Certificates[half:]}
		first.Certificates = b.Certificates[:half]
		return joined(first, second)
	}
	return nil, malformed("one row takes more than %d octets", MaxMessage)
}

// halve encodes the batch as two, each with half of the rows and what belongs
// to them.
func (b Batch) halve() ([][]byte, error) {
	half := len(b.Rows) / 2
	first, second := Batch{Number: b.Number, Size: b.Size, Rows: b.Rows[:half]}, Batch{Number: b.Number, Size: b.Size, Rows: b.Rows[half:]}
	early := make(map[int]bool, half)
	for i := range first.Rows {
		early[first.Rows[i].Position] = true
	}
	for _, e := range b.Evidence {
		if early[e.Position] {
			first.Evidence = append(first.Evidence, e)
		} else {
			second.Evidence = append(second.Evidence, e)
		}
	}
	n := len(b.Certificates) / 2
	first.Certificates, second.Certificates = b.Certificates[:n], b.Certificates[n:]
	return joined(first, second)
}

func joined(first, second Batch) ([][]byte, error) {
	a, err := first.encode()
	if err != nil {
		return nil, err
	}
	z, err := second.encode()
	return append(a, z...), err
}

// Decode reads a message that Encode made. It returns an [ErrMessage] for
// anything else, and never more than the limits above allow.
func Decode(msg []byte) (Batch, error) {
	if len(msg) > maxMessage {
		return Batch{}, malformed("%d octets, at most %d are read", len(msg), maxMessage)
	}
	plain, err := zstdDecoder.DecodeAll(msg, nil)
	if err != nil {
		return Batch{}, malformed("%w", err)
	}
	b, err := parse(plain)
	if err != nil {
		return Batch{}, malformed("%w", err)
	}
	if err := b.check(); err != nil {
		return Batch{}, err
	}
	return b, nil
}
