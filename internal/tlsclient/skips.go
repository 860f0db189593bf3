package tlsclient

import "crypto/tls"

// SkipsVerification reports whether c turns crypto/tls's own verification off.
// It lives here because no other package may name the field.
func SkipsVerification(c *tls.Config) bool { return c.InsecureSkipVerify }
