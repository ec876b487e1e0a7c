"""Countries as Open Food Facts and its sisters name them, by ISO 3166-1 code. Others are given by their own name."""

COUNTRIES = {
    **{"al": "albania", "am": "armenia", "ar": "argentina", "at": "austria", "au": "australia", "az": "azerbaijan"},
    **{"ba": "bosnia-and-herzegovina", "be": "belgium", "bg": "bulgaria", "br": "brazil", "by": "belarus"},
    **{"ca": "canada", "ch": "switzerland", "cl": "chile", "cn": "china", "co": "colombia", "cy": "cyprus"},
    **{"cz": "czech-republic", "de": "germany", "dk": "denmark", "dz": "algeria", "ee": "estonia", "eg": "egypt"},
    **{"es": "spain", "fi": "finland", "fr": "france", "gb": "united-kingdom", "ge": "georgia", "gr": "greece"},
    **{"hk": "hong-kong", "hr": "croatia", "hu": "hungary", "id": "indonesia", "ie": "ireland", "il": "israel"},
    **{"in": "india", "is": "iceland", "it": "italy", "jp": "japan", "ke": "kenya", "kr": "south-korea"},
    **{"kz": "kazakhstan", "lt": "lithuania", "lu": "luxembourg", "lv": "latvia", "ma": "morocco", "md": "moldova"},
    **{"me": "montenegro", "mk": "north-macedonia", "mt": "malta", "mx": "mexico", "my": "malaysia"},
    **{"ng": "nigeria", "nl": "netherlands", "no": "norway", "nz": "new-zealand", "pe": "peru", "ph": "philippines"},
    **{"pk": "pakistan", "pl": "poland", "pt": "portugal", "ro": "romania", "rs": "serbia", "ru": "russia"},
    **{"se": "sweden", "sg": "singapore", "si": "slovenia", "sk": "slovakia", "th": "thailand", "tn": "tunisia"},
    **{"tr": "turkey", "tw": "taiwan", "ua": "ukraine", "us": "united-states", "vn": "vietnam"},
    **{"xk": "kosovo", "za": "south-africa"},
}
CODES = {name: code.upper() for code, name in COUNTRIES.items()}
