package crl

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/assaytls/assay/finding"
)

// buffer is how much of a list Scan holds at a time.
const buffer = maxTail + maxEntry

// maxSpill bounds the lists that Scan keeps in memory because their signature
// algorithm has no digest (Ed25519).
const maxSpill = 4 << 20

// Scan reads a list from r, DER or PEM, as Parse does, but holds only a window
// of it: memory stays the same however long it is. Scan keeps only the
// entries with the given serial numbers; Listed and Lookup return ErrNotAsked for
// others. The error is an *Error, that of r, or that of ctx.
//
// A list whose signature has no digest of its own (Ed25519) can be verified
// after a Scan only up to 4 MiB.
func Scan(ctx context.Context, r io.Reader, serials ...[]byte) (*List, error) {
	in := &input{r: r, store: make([]byte, buffer)}
	first, err := in.peek(1)
	if err != nil {
		return nil, err
	}
	if len(first) > 0 && first[0] != 0x30 {
		in, err = scanPEM(in)
		if err != nil {
			return nil, err
		}
	}
	return parse(ctx, in, newWatch(serials))
}

// scanPEM returns the contents of the PEM block that the text in in begins
// with, after at most maxHeader octets of other text.
func scanPEM(in *input) (*input, error) {
	text, err := in.peek(maxHeader)
	if err != nil {
		return nil, err
	}
	const begin = pemBegin + "X509 CRL-----"
	i := bytes.Index(text, []byte(begin))
	if i < 0 {
		return nil, &Error{finding.CRLNotAList, 0, "not DER and not PEM: it begins with " + sniff(text)}
	}
	in.advance(int64(i + len(begin)))
	body := &untilDash{r: io.MultiReader(bytes.NewReader(bytes.Clone(in.buf)), in.r)}
	return &input{r: &pemErrors{base64.NewDecoder(base64.StdEncoding, body)}, store: in.store}, nil
}

// untilDash ends at the line that ends a PEM block.
type untilDash struct {
	r    io.Reader
	done bool
}

func (u *untilDash) Read(b []byte) (int, error) {
	if u.done {
		return 0, io.EOF
	}
	n, err := u.r.Read(b)
	if i := bytes.IndexByte(b[:n], '-'); i >= 0 {
		u.done = true
		return i, nil
	}
	if err == io.EOF {
		err = &Error{finding.CRLTruncated, 0, "the PEM block does not end"}
	}
	return n, err
}

// pemErrors turns base64 errors into *Error.
type pemErrors struct{ r io.Reader }

func (p *pemErrors) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) || err == io.ErrUnexpectedEOF {
		err = &Error{finding.CRLMalformed, 0, fmt.Sprintf("the PEM block is not base64: %v", err)}
	}
	return n, err
}
