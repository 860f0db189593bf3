package cli

import (
	"crypto"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
)

// certIDInfo names a certificate (RFC 6960, 4.1.1).
type certIDInfo struct {
	Hash           string `json:"hash"`
	IssuerNameHash string `json:"issuer_name_hash"`
	IssuerKeyHash  string `json:"issuer_key_hash"`
	Serial         string `json:"serial"`
}

// requestInfo is an OCSP request.
type requestInfo struct {
	Requestor  []string        `json:"requestor,omitempty"`
	IDs        []certIDInfo    `json:"ids"`
	Nonce      string          `json:"nonce,omitempty"`
	Signed     bool            `json:"signed"` // the signature is not verified
	Extensions []extensionInfo `json:"extensions,omitempty"`
}

// responseInfo is an OCSP response.
type responseInfo struct {
	Status        string            `json:"status"` // of the exchange
	ResponderName string            `json:"responder_name,omitempty"`
	ResponderKey  string            `json:"responder_key,omitempty"` // SHA-1 of the key
	Produced      *time.Time        `json:"produced,omitempty"`
	Signature     *signatureInfo    `json:"signature,omitempty"`
	Nonce         string            `json:"nonce,omitempty"`
	Extensions    []extensionInfo   `json:"extensions,omitempty"`
	Answers       []singleInfo      `json:"answers,omitempty"`
	Certificates  []certificateInfo `json:"certificates,omitempty"`
}

// singleInfo is what a response says of one certificate.
type singleInfo struct {
	ID            certIDInfo      `json:"id"`
	Status        string          `json:"status"`
	RevokedAt     *time.Time      `json:"revoked_at,omitempty"`
	Reason        string          `json:"reason,omitempty"`
	ReasonCode    *int            `json:"reason_code,omitempty"`
	NeverIssued   bool            `json:"never_issued,omitempty"` // RFC 6960, 2.2: the responder says revoked of a certificate that its CA never issued
	ThisUpdate    *time.Time      `json:"this_update,omitempty"`
	NextUpdate    *time.Time      `json:"next_update,omitempty"`
	ArchiveCutoff *time.Time      `json:"archive_cutoff,omitempty"`
	Extensions    []extensionInfo `json:"extensions,omitempty"`
}

type certificateInfo struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	Serial  string `json:"serial"`
	SHA256  string `json:"sha256"`
}

const oidExtendedRevoke = "1.3.6.1.5.5.7.48.1.9"

func certIDOf(id ocsp.CertID) certIDInfo {
	h := id.HashOID
	if id.Hash != crypto.Hash(0) {
		h = id.Hash.String()
	}
	return certIDInfo{h, hex.EncodeToString(id.IssuerNameHash), hex.EncodeToString(id.IssuerKeyHash), hex.EncodeToString(id.Serial)}
}

func (o *object) certID(id certIDInfo) {
	o.add("serial", id.Serial)
	o.add("issuer", fmt.Sprintf("name %s, key %s (%s)", id.IssuerNameHash, id.IssuerKeyHash, id.Hash))
}

// requestObject decodes an OCSP request.
func requestObject(b []byte, from string) object {
	r := ocsp.ParseRequest(b)
	o := object{Kind: "OCSP request", From: from, Findings: r.Findings, decoded: len(r.IDs) > 0}
	info := &requestInfo{Requestor: namesOf(r.Requestor), Nonce: hex.EncodeToString(r.Nonce), Signed: r.Signed, Extensions: extensionsOf(r.Extensions)}
	for _, n := range info.Requestor {
		o.add("requestor", n)
	}
	for _, id := range r.IDs {
		info.IDs = append(info.IDs, certIDOf(id))
		o.certID(certIDOf(id))
	}
	o.add("nonce", info.Nonce)
	if r.Signed {
		o.add("signed", "yes, not verified")
	}
	o.extensions(info.Extensions)
	if o.decoded {
		o.Request = info
	}
	return o
}

// singleOf is one answer. extended says that the response has the extension by which a responder
// declares that it says revoked of certificates that were never issued.
func singleOf(s *ocsp.Single, extended bool) singleInfo {
	out := singleInfo{ID: certIDOf(s.CertID), Status: s.Status.String(), RevokedAt: dated(s.RevokedAt), ThisUpdate: dated(s.ThisUpdate),
		NextUpdate: dated(s.NextUpdate), ArchiveCutoff: dated(s.ArchiveCutoff), Extensions: extensionsOf(s.Extensions)}
	if s.Status == ocsp.Revoked && s.Reason >= 0 {
		code := s.Reason
		out.Reason, out.ReasonCode = s.ReasonName(), &code
		out.NeverIssued = extended && s.RevokedAt.Unix() == 0 && code == certificateHold
	}
	return out
}

// certificateHold is the CRLReason with which a never issued certificate is said to be revoked.
const certificateHold = 6

func (s *singleInfo) String() string {
	text := s.Status
	if s.RevokedAt != nil {
		text += " since " + whenOf(s.RevokedAt)
	}
	if s.Reason != "" {
		text += ", " + s.Reason
	}
	switch {
	case s.NeverIssued:
		text += ": the CA never issued a certificate with this serial number (RFC 6960, 2.2)"
	case s.RevokedAt != nil && s.RevokedAt.Unix() == 0 && s.ReasonCode != nil && *s.ReasonCode == certificateHold:
		text += ": with this date and reason responders mean that the CA never issued the certificate; this response lacks the extension that says so (RFC 6960, 4.4.8)"
	}
	return text
}

// responseObject decodes an OCSP response and the certificates in it.
func (k shown) responseObject(b []byte, from string) object {
	r := ocsp.Parse(b)
	o := object{Kind: "OCSP response", From: from, Findings: r.Findings}
	o.decoded = r.Status != ocsp.Successful && len(r.Findings) == 0 || len(r.Singles) > 0
	o.add("status", r.Status.String())
	if !o.decoded {
		return o
	}
	info := &responseInfo{Status: r.Status.String()}
	o.Response = info
	if r.Status != ocsp.Successful {
		return o
	}
	signature := signatureOf(r.Algorithm)
	info.Produced, info.Signature, info.Nonce = dated(r.ProducedAt), &signature, hex.EncodeToString(r.Nonce)
	info.Extensions, info.ResponderKey = extensionsOf(r.Extensions), hex.EncodeToString(r.ResponderKey)
	if r.ResponderName != nil {
		n, _ := cert.ParseName(r.ResponderName)
		info.ResponderName = n.String()
		o.add("responder", nameText(n))
	}
	o.add("responder", info.ResponderKey)
	o.add("produced", whenOf(info.Produced))
	o.add("signature", signature.String())
	o.add("nonce", info.Nonce)
	o.extensions(info.Extensions)
	extended := false
	for _, x := range r.Extensions {
		extended = extended || x.OID == oidExtendedRevoke
	}
	for i := range r.Singles {
		s := &r.Singles[i]
		if k.serial != nil && !s.CertID.SameSerial(ocsp.CertID{Serial: k.serial}) {
			continue
		}
		one := singleOf(s, extended)
		info.Answers = append(info.Answers, one)
		o.certID(one.ID)
		o.add("status", one.String())
		o.add("this update", whenOf(one.ThisUpdate))
		o.add("next update", whenOf(one.NextUpdate))
		if one.ArchiveCutoff != nil {
			o.add("archive", "since "+whenOf(one.ArchiveCutoff))
		}
		o.extensions(one.Extensions)
		if len(s.SCTList) > 0 {
			o.scts = append(o.scts, shownSCTs{raw: s.SCTList, source: report.SCTOCSP, serial: s.CertID.Serial})
		}
	}
	if k.serial != nil && len(info.Answers) == 0 {
		o.add("serial", hex.EncodeToString(k.serial)+" is not in the response")
	}
	for _, raw := range r.Certs {
		c := cert.Parse(raw)
		info.Certificates = append(info.Certificates, certificateInfo{c.Subject.String(), c.Issuer.String(), hex.EncodeToString(c.Serial), hex.EncodeToString(c.SHA256[:])})
		o.add("encloses", nameText(c.Subject)+", issued by "+nameText(c.Issuer))
	}
	return o
}
