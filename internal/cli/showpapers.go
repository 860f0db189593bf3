package cli

import (
	"strconv"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/internal/papers"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
)

// paperObject decodes an object that is no certificate, list, answer or SCT as far as
// that is known, and names it in any case.
func paperObject(o bundle.Object, from string) object {
	out := object{Kind: o.Kind.String(), From: from}
	text := "this is " + o.What()
	if o.Kind == bundle.Unknown {
		out.Kind, text = "unknown", "this is no certificate and no other object that assay knows, in PEM or DER (--type says what it should be)"
	}
	var err error
	switch o.Kind {
	case bundle.CertificateRequest:
		err = out.certificateRequest(o.Bytes)
	case bundle.PublicKey:
		var k *cert.PublicKey
		if k, err = cert.ParsePublicKey(o.Bytes); err == nil {
			out.decoded = true
			out.add("key", keyRow(k))
		}
	case bundle.TimeStampQuery:
		err = out.timeStampQuery(o.Bytes)
	}
	if out.decoded {
		return out
	}
	out.Rows = append(out.Rows, render.Row{Label: "note", Value: text})
	if err != nil {
		out.add("note", "it cannot be decoded: "+err.Error())
	} else if t := session.Taker(o.Kind); t != "" && t != session.ShowsIt {
		out.add("note", t)
	}
	return out
}

// keyRow is the algorithm of a key and its size.
func keyRow(k *cert.PublicKey) string {
	if k.Bits == 0 {
		return k.Described()
	}
	return k.Algorithm + " " + strconv.Itoa(k.Bits)
}

// certificateRequest shows what a request asks for, and whether the asker proves to have the key.
func (o *object) certificateRequest(b []byte) error {
	r, err := papers.ParseRequest(b)
	if err != nil {
		return err
	}
	o.decoded = true
	o.add("subject", r.Subject.String())
	for _, n := range r.Names {
		o.add("name", n.String())
	}
	o.add("key", keyRow(r.Key))
	verdict := "verified with the key in the request"
	if r.Signature != nil {
		verdict, o.damaged = "not verified: "+r.Signature.Error(), true
	}
	o.add("signature", r.Algorithm.Name+", "+verdict)
	for _, oid := range r.Extensions {
		name := cert.OIDName(oid)
		if name == "" {
			name = oid
		}
		o.add("extension", name)
	}
	return nil
}

func (o *object) timeStampQuery(b []byte) error {
	q, err := papers.ParseTimeStampQuery(b)
	if err != nil {
		return err
	}
	o.decoded = true
	o.add("hash", q.Hash)
	o.addHex("imprint", q.Imprint)
	o.add("policy", q.Policy)
	o.addHex("nonce", q.Nonce)
	if q.WithKey {
		o.add("asks for", "the certificate of the stamper")
	}
	return nil
}
