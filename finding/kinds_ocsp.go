package finding

var ocspKinds = []Kind{}
