package rootstores_test

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/forge"
)

func hexText(id [32]byte) []byte { return []byte(hex.EncodeToString(id[:])) }

// octalText writes bytes as certdata.txt does.
func octalText(b []byte) string {
	var s strings.Builder
	s.WriteString("MULTILINE_OCTAL\n")
	for i, c := range b {
		fmt.Fprintf(&s, `\%03o`, c)
		if i%16 == 15 || i == len(b)-1 {
			s.WriteByte('\n')
		}
	}
	return s.String() + "END\n"
}

// nssRoot is a certificate and its trust in certdata.txt. date is the contents of a
// UTCTime or "".
func nssRoot(c *cert.Certificate, date, trust string) string {
	serial := forge.TLV(2, c.Serial)
	after := "CK_BBOOL CK_FALSE\n"
	if date != "" {
		after = octalText([]byte(date))
	}
	return "CKA_CLASS CK_OBJECT_CLASS CKO_CERTIFICATE\nCKA_LABEL UTF8 \"Lab Root\"\nCKA_ISSUER " + octalText(c.RawIssuer) + "CKA_SERIAL_NUMBER " + octalText(serial) +
		"CKA_VALUE " + octalText(c.Raw) + "CKA_NSS_SERVER_DISTRUST_AFTER " + after + "\n# Trust\n" + nssTrust(c, trust)
}

// nssTrust is an object of trust alone.
func nssTrust(c *cert.Certificate, trust string) string {
	return "CKA_CLASS CK_OBJECT_CLASS CKO_NSS_TRUST\nCKA_LABEL UTF8 \"Lab Root\"\nCKA_ISSUER " + octalText(c.RawIssuer) +
		"CKA_SERIAL_NUMBER " + octalText(forge.TLV(2, c.Serial)) + "CKA_TRUST_SERVER_AUTH CK_TRUST " + trust + "\n\n"
}

func nssFile(objects ...string) string { return "# made up\nBEGINDATA\n" + strings.Join(objects, "") }

func madeUpCertdata() string {
	root := cert.Parse(forge.NewRoot("Lab Root", nil).Raw)
	return nssFile(nssRoot(root, "260415235959Z", "CKT_NSS_TRUSTED_DELEGATOR"))
}
