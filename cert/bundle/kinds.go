package bundle

// Kind is what an object is. The zero Kind is Unknown.
type Kind int

// The kinds.
const (
	// Unknown is nothing that this package knows. It may be a damaged object of
	// any kind.
	Unknown Kind = iota
	Certificate
	CRL
	OCSPRequest
	OCSPResponse
	// SCTList is a SignedCertificateTimestampList (RFC 6962, 3.3).
	SCTList
	// PKCS7 is a container that is empty or cannot be read. The contents of any
	// other stand in its place.
	PKCS7
	// TrustedCertificate is OpenSSL's: a certificate and settings of trust,
	// which whoever takes the certificate alone would lose.
	TrustedCertificate
	// PrivateKey is a private key, encrypted or not. Its bytes are not kept.
	PrivateKey
	// CertificateRequest is a CertificationRequest (RFC 2986).
	CertificateRequest
	// PublicKey is a SubjectPublicKeyInfo, or an RSAPublicKey of PKCS #1.
	PublicKey
	// PKCS12 is a PFX (RFC 7292). It may hold private keys; its bytes must not be
	// shown.
	PKCS12
	// KeyStore is a Java key store: JKS or JCEKS. The same holds for its bytes.
	KeyStore
	// CMS is any message of RFC 5652 but signed data: enveloped, encrypted,
	// authenticated, compressed, digested or plain data.
	CMS
	// TimeStampQuery is a TimeStampReq (RFC 3161).
	TimeStampQuery
	// TimeStampReply is a TimeStampResp (RFC 3161).
	TimeStampReply
	// TimeStampToken is the signed data of a TimeStampReply, alone.
	TimeStampToken
	// AttributeCertificate is that of RFC 5755.
	AttributeCertificate
	// SCT is one SignedCertificateTimestamp (RFC 6962, 3.2) in its binary form.
	SCT
	// LogList is a JSON list of Certificate Transparency logs.
	LogList
	// SavedEvidence is what assay check --save-evidence writes.
	SavedEvidence
	// Kubernetes is a Secret, a ConfigMap or a list of such, in YAML or JSON.
	Kubernetes
	// Parameters are those of Diffie-Hellman, DSA or an elliptic curve.
	Parameters
	// Foreign is something that has nothing to do with certificates, and is known:
	// Object.Detail says what. Its bytes are not kept.
	Foreign

	kinds // how many there are
)

// kindNames are the kinds in words, each with its article.
var kindNames = [kinds]struct{ article, name string }{
	Unknown:              {"an", "unknown object"},
	Certificate:          {"a", "certificate"},
	CRL:                  {"a", "CRL"},
	OCSPRequest:          {"an", "OCSP request"},
	OCSPResponse:         {"an", "OCSP response"},
	SCTList:              {"an", "SCT list"},
	PKCS7:                {"a", "PKCS #7"},
	TrustedCertificate:   {"an", "OpenSSL TRUSTED CERTIFICATE"},
	PrivateKey:           {"a", "private key"},
	CertificateRequest:   {"a", "certificate request"},
	PublicKey:            {"a", "public key"},
	PKCS12:               {"a", "PKCS #12 file"},
	KeyStore:             {"a", "Java key store"},
	CMS:                  {"a", "CMS message"},
	TimeStampQuery:       {"a", "time-stamp query"},
	TimeStampReply:       {"a", "time-stamp reply"},
	TimeStampToken:       {"a", "time-stamp token"},
	AttributeCertificate: {"an", "attribute certificate"},
	SCT:                  {"an", "SCT"},
	LogList:              {"a", "list of CT logs"},
	SavedEvidence:        {"a", "file of saved evidence"},
	Kubernetes:           {"a", "Kubernetes object"},
	Parameters:           {"a", "set of key parameters"},
	Foreign:              {"an", "object of another kind"},
}

// String returns the kind in words.
func (k Kind) String() string {
	if k < 0 || k >= kinds {
		k = Unknown
	}
	return kindNames[k].name
}

// kept reports whether the bytes of an object of the kind are handed on. What is foreign may be as secret as a key.
func (k Kind) kept() bool { return k != PrivateKey && k != Foreign }

// Object is one object, or a place where one could not be read.
type Object struct {
	Kind Kind // what it is, as far as its first elements or its label tell
	// Detail says more of the kind: "PKCS #8, encrypted" of a private key, "enveloped
	// data" of a CMS message, "HTML page" of something foreign. It never holds text of the input.
	Detail string
	// Bytes are the object, in DER unless it is damaged or Unknown. They alias
	// the input where that is DER; of private keys and foreign things there are none.
	Bytes []byte
	// Algorithm is the AlgorithmIdentifier of a private key in PKCS #8, which is that
	// of its encryption when it is encrypted; DER, and nil of all others.
	Algorithm []byte
	// Cut says that the input ends before the object does, by the object's own length.
	Cut bool
	// Damage says why nothing could be read here; "" when something was. It
	// names lines of the input where it can.
	Damage string

	Label string // of the PEM block; "" when there is none
	Line  int    // of the PEM block's BEGIN, from 1; 0 when there is none
	// Offset is where Bytes begin: in the PEM block's contents, where there is
	// a block, in what base64 spelt, or in the input.
	Offset int
	// Within is the kind of the container that the object stood in, Unknown when in none.
	Within Kind
	// Place is where it stood in a container that names its parts: an alias, a
	// key of a Secret. It is text of the input.
	Place string
}

// What names the object for people, with its article: "a private key (PKCS #8)", "a CRL that is cut off".
func (o Object) What() string {
	n := kindNames[Unknown]
	if o.Kind > 0 && o.Kind < kinds {
		n = kindNames[o.Kind]
	}
	text := n.article + " " + n.name
	switch {
	case o.Kind == Foreign && o.Detail != "":
		text = o.Detail
	case o.Detail != "":
		text += " (" + o.Detail + ")"
	case o.Kind == Unknown && o.Label != "":
		text = "a PEM block of unknown contents with the label " + o.Label
	}
	if o.Cut {
		text += " that is cut off"
	}
	return text
}
