package finding

var crlKinds = []Kind{}
