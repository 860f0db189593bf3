package assay

import (
	"crypto/tls"
	"fmt"
)

// modern makes TLS 1.2 the oldest version that c speaks (RFC 8996). What asks for an
// older one is an error: a connection that does not come about is better than one
// that anybody on the way can read.
func modern(c *tls.Config) error {
	for _, asked := range []struct {
		field   string
		version uint16
	}{{"MinVersion", c.MinVersion}, {"MaxVersion", c.MaxVersion}} {
		if asked.version != 0 && asked.version < tls.VersionTLS12 {
			return fmt.Errorf("assay: %s in the base tls.Config is %s, and nothing older than TLS 1.2 is spoken: set it to tls.VersionTLS12 or to 0",
				asked.field, tls.VersionName(asked.version))
		}
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	return nil
}
