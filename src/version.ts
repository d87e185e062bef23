/** The version of TTAI, for those who ask what they speak to. A test holds it against package.json. */
export const version = '0.1.0';
