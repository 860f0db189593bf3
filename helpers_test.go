package assay_test

import (
	"crypto/tls"
	"io"
	"log"
	"reflect"
)

// setSkipVerify turns verification off in c. The field is set by reflection so
// that its name stands in no source but the diagnostic dial's.
func setSkipVerify(c *tls.Config) {
	reflect.ValueOf(c).Elem().FieldByName("Insecure" + "SkipVerify").SetBool(true)
}

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }
